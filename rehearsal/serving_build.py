"""The build of a served version's container: whether its requirements can be installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement


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
    are those of the runtimes, which differ from this environment's.

    Args:
        model: The model's folder.
        checks_requirements: Whether one that the index does not have fails the build.
    """
    lines = ["Building container", f"Installing the requirements of {model.name}"]
    for line in _requirements(model):
        lines.append(f"Collecting {line}")
        if checks_requirements and not _is_in_index(line):
            lines += [
                f"ERROR: Could not find a version that satisfies the requirement {line}",
                f"ERROR: No matching distribution found for {line}",
                "Container image creation failed",
            ]
            return Build("\n".join(lines), f"Container image creation failed for {line}.")
    return Build("\n".join([*lines, "Container image creation finished successfully"]), None)


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
