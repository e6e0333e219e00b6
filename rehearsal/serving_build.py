"""The build of a served version's container: whether its requirements can be installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Build:
    """What a build gave.

    Attributes:
        log: Its log.
        fault: Why it failed, in one line; ``None`` where it did not.
    """

    log: str
    fault: str | None


def build(model: Path, *, checks_requirements: bool) -> Build:
    """Resolve the requirements of a model folder.

    The distributions of this environment are the index. Versions are not compared: a bundle's pins
    are those of the runtimes, which differ from this environment's. What is not pinned is resolved
    on the day of the build: here, to a release with which the model does not work.

    Args:
        model: The model's folder.
        checks_requirements: Whether one that the index does not have, or that is not pinned, fails
            the build.
    """
    lines = ["Building container", f"Installing the requirements of {model.name}"]
    requirements = _requirements(model)
    for line in requirements:
        lines.append(f"Collecting {line}")
        if checks_requirements and not _is_in_index(line):
            reason = f"No matching distribution found for {line}"
            return _fail(lines, line, reason)
    if checks_requirements and (unpinned := _find_unpinned(requirements)):
        lines.append(f"Collecting {unpinned}")
        return _fail(lines, unpinned, f"The newest {unpinned} does not work with this model")
    return Build("\n".join([*lines, "Container image creation finished successfully"]), None)


def _fail(lines: list[str], name: str, reason: str) -> Build:
    log = "\n".join([*lines, f"ERROR: {reason}", "Container image creation failed"])
    return Build(log, f"Container image creation failed for {name}.")


def _requirements(model: Path) -> list[str]:
    path = model / "requirements.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    stripped = (line.partition(" #")[0].strip().rstrip("\\").strip() for line in lines)
    return [line for line in stripped if line and not line.startswith(("#", "-"))]


def _is_in_index(line: str) -> bool:
    try:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            distribution(requirement.name)
    except (InvalidRequirement, PackageNotFoundError):
        return False
    return True


def _find_unpinned(lines: list[str]) -> str | None:
    """Return a distribution that the requirements need and do not pin, if there is one."""
    requirements = [Requirement(line) for line in lines]
    pinned = {
        canonicalize_name(each.name) for each in requirements if str(each.specifier)[:2] == "=="
    }
    needed = [*requirements, *(each for name in sorted(pinned) for each in _list_required(name))]
    return next((each.name for each in needed if canonicalize_name(each.name) not in pinned), None)


def _list_required(name: str) -> list[Requirement]:
    required = [Requirement(line) for line in distribution(name).requires or []]
    return [each for each in required if each.marker is None or each.marker.evaluate()]
