"""What ``doctor`` checks, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

_SIGNING_KEY = "environment: signing key"
_VOLUME = "volume "

Status = Literal["passed", "failed", "waiting", "information"]


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        area: What it belongs to, such as ``compute``.
        name: What was checked.
        status: ``passed``; ``failed``; ``waiting``, where an earlier check must pass first; or
            ``information``, where nothing depends on it.
        found: What was found.
        expected: What this project expects.
        remedy: What to do where it failed.
    """

    area: str
    name: str
    status: Status
    found: str
    expected: str = ""
    remedy: str = ""

    @property
    def title(self) -> str:
        """The area and the name, by which other checks refer to it."""
        return f"{self.area}: {self.name}"


def is_training(earlier: Sequence[Check]) -> bool:
    """Whether this workspace trains: it has a signing key, or creates one.

    Args:
        earlier: The checks so far, those of the environment among them.
    """
    return any(check.title == _SIGNING_KEY and check.status != "information" for check in earlier)


def volume_checks(earlier: Sequence[Check]) -> list[str]:
    """Return the titles of the checks that the storage's volume exists and may be used.

    Args:
        earlier: The checks so far, those of the workspaces among them.
    """
    return [check.title for check in earlier if check.name.startswith(_VOLUME)]


class Checker(Protocol):
    """Checks one part of what this project relies on; it changes nothing but scratch names."""

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return every check of this part; a failed one is a result and no exception.

        Args:
            earlier: The checks of other parts so far, on which these may depend.
        """
