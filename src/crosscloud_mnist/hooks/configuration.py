"""The sections of conf, as Kedro merges and resolves them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf.errors import InterpolationResolutionError

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.names import unknown_name

_MISSING_ENTRY = re.compile(r"(Interpolation|Globals) key '([\w.]+)' not found")


class CachingConfigLoader(OmegaConfigLoader):
    """Reads and resolves each section once: the checks before a run, Kedro and plugins read them.

    Each reader gets a copy: Kedro changes the catalog and the parameters that it reads. A section
    is read again after the parameters of the command, or the patterns of its files, have changed.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._read: dict[str, tuple[str, dict[str, Any]]] = {}
        super().__init__(*arguments, **options)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Return the section, as ``OmegaConfigLoader`` does.

        Raises:
            KeyError: There is no pattern of its files.
            MissingConfigException: There are no files of it.
        """
        if key in self:  # set in place of the files
            return super().__getitem__(key)
        depends_on = repr((self.runtime_params, self.config_patterns.get(key)))
        if key not in self._read or self._read[key][0] != depends_on:
            self._read[key] = depends_on, super().__getitem__(key)
        return deepcopy(self._read[key][1])


def load_section(loader: OmegaConfigLoader, section: str) -> dict[str, Any]:
    """Return a section (``catalog``, ``parameters``, …), empty if there are no files of it.

    Raises:
        ConfigurationError: Two files of one environment set the same key, or a value refers to an
            entry that does not exist.
    """
    if section not in loader.config_patterns:  # kedro-mlflow registers its own later
        loader.config_patterns[section] = [f"{section}*", f"{section}*/**", f"**/{section}*"]
    try:
        return loader[section]
    except MissingConfigException:
        return {}
    except InterpolationResolutionError as error:
        missing = _MISSING_ENTRY.search(str(error))
        if missing is None:
            raise
        files = "globals" if missing[1] == "Globals" else section
        raise ConfigurationError(_missing_entry(loader, files, missing[2])) from error
    except ValueError as error:
        raise ConfigurationError(f"{error}; expected each key in one file") from error


def environment_of(loader: OmegaConfigLoader) -> str:
    """Return the name of the run's environment."""
    return loader.env or loader.default_run_env


def _missing_entry(loader: OmegaConfigLoader, section: str, name: str) -> str:
    """Return the message about an entry that a value refers to, with those that exist beside it."""
    group, _, key = name.rpartition(".")
    existing = {each for entries in _find_entries(loader, section, group) for each in entries}
    if not existing:
        return f"conf refers to {name}, expected it in conf; add it, or check --params"
    prefix = f"{group}." if group else ""
    return f"{unknown_name(key, existing, 'entry', prefix)}; check --params and conf"


def _find_entries(
    loader: OmegaConfigLoader, section: str, group: str
) -> Iterator[Mapping[str, Any]]:
    """Yield what a section's files, of base and of the run's environment, hold under a name."""
    for environment in {loader.base_env, environment_of(loader)}:
        for path in (Path(loader.conf_source) / environment).glob(f"**/{section}*.yml"):
            entries: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
            for key in filter(None, group.split(".")):
                entries = entries.get(key) if isinstance(entries, Mapping) else None
            if isinstance(entries, Mapping):
                yield entries
