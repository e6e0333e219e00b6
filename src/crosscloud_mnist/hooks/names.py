"""A name that does not exist: the message gives the nearest ones."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from crosscloud_mnist.errors import ConfigurationError

_MAX_NEAREST = 3


def check_name(name: str, existing: Collection[str], kind: str) -> None:
    """Check that a name exists.

    Args:
        name: The name that the user gave.
        existing: Every name that exists.
        kind: What it names, in the singular, for the message.

    Raises:
        ConfigurationError: It does not exist.
    """
    if name not in existing:
        raise ConfigurationError(unknown_name(name, existing, kind))


def unknown_name(name: str, existing: Collection[str], kind: str, prefix: str = "") -> str:
    """Return the message about a name that does not exist, with the nearest that do.

    Args:
        name: The name that the user gave.
        existing: Every name that exists.
        kind: What it names, in the singular.
        prefix: What stands before the name and before each that exists.
    """
    nearest = difflib.get_close_matches(name, existing, _MAX_NEAREST)
    start = f"there is no {kind} {prefix}{name}"
    if nearest:
        return f"{start}, did you mean {' or '.join(f'{prefix}{each}' for each in nearest)}?"
    return f"{start}, expected one of {', '.join(sorted(existing))}"
