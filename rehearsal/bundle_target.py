"""A target of the Databricks bundle in ``infra/bundle``, resolved as the CLI resolves it.

https://docs.databricks.com/aws/en/dev-tools/bundles/variables: a variable takes its value from
``BUNDLE_VAR_<name>``, then from the target, then from its default; one without a value is an error.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.cli_state import CliError

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class BundleTarget:
    """One target.

    Attributes:
        name: Its name.
        jobs: The jobs by their keys, with every reference replaced.
        sync: The folders that a deployment uploads.
    """

    name: str
    jobs: Mapping[str, Mapping[str, Any]]
    sync: tuple[Path, ...]

    @classmethod
    def load(
        cls, folder: Path, target: str | None, environment: Mapping[str, str], facts: dict[str, str]
    ) -> BundleTarget:
        """Read ``databricks.yml`` and the Python that it names.

        Args:
            folder: Of ``databricks.yml``.
            target: The target; ``None`` is the default one.
            environment: Variables of the process.
            facts: What the CLI knows by itself, such as ``bundle.git.commit``.

        Raises:
            CliError: There is no such target, or a variable has no value.
        """
        path = folder / "databricks.yml"
        if not path.is_file():
            raise CliError("unable to locate bundle root: databricks.yml not found")
        content = yaml.safe_load(path.read_text())
        targets = content["targets"]
        chosen = target or next(name for name, each in targets.items() if each.get("default"))
        if chosen not in targets:
            raise CliError(f"{chosen}: no such target. Available targets: {', '.join(targets)}")
        values = {**facts, "bundle.name": content["bundle"]["name"], "bundle.target": chosen}
        for name, definition in content["variables"].items():
            own = targets[chosen].get("variables", {}).get(name, definition.get("default"))
            value = environment.get(f"BUNDLE_VAR_{name}", own)
            if value is None:
                raise CliError(
                    f"no value assigned to required variable {name}. Assignment can be done "
                    f'through the "--var" flag or by setting the BUNDLE_VAR_{name} environment '
                    "variable"
                )
            values[f"var.{name}"] = value
        jobs = _load_jobs(folder, content["python"]["resources"], chosen)
        sync = tuple((folder / each).resolve() for each in content["sync"]["paths"])
        return cls(chosen, {key: _resolve(job, values) for key, job in jobs.items()}, sync)


def _load_jobs(folder: Path, entries: list[str], target: str) -> dict[str, Any]:
    """Call the functions that ``python.resources`` names; return the jobs by their keys."""
    from databricks.bundles.core import Bundle

    sys.path.insert(0, str(folder))
    jobs: dict[str, Any] = {}
    for entry in entries:
        module, function = entry.split(":")
        loaded = getattr(importlib.import_module(module), function)(Bundle(target=target))
        jobs |= {key: job.as_dict() for key, job in loaded.jobs.items()}
    return jobs


def _resolve(node: Any, values: Mapping[str, str]) -> Any:
    """Replace every reference; one that is the complete text keeps the type of its value."""
    if isinstance(node, dict):
        return {key: _resolve(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolve(value, values) for value in node]
    if not isinstance(node, str):
        return node
    unknown = [name for name in _REFERENCE.findall(node) if name not in values]
    if unknown:
        raise CliError(f"reference does not exist: ${{{unknown[0]}}}")
    whole = _REFERENCE.fullmatch(node)
    return values[whole[1]] if whole else _REFERENCE.sub(lambda m: str(values[m[1]]), node)
