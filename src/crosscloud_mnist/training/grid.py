"""Several settings to try: a grid, or a list, over the recipe's values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from crosscloud_mnist.errors import ConfigurationError

Grid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] | None


def expand(grid: Grid) -> tuple[dict[str, Any], ...]:
    """Return what each of the settings changes.

    Args:
        grid: Values to try of each setting, for all their combinations; or a list of settings;
            or nothing.

    Returns:
        One dictionary for each model; a single empty one where there is no grid.

    Raises:
        ConfigurationError: It is none of these, or a setting has no values.
    """
    if not grid:
        return ({},)
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if not isinstance(values, (list, tuple)) or not values:
                raise _refused(f"{name}: {values!r}", "a list of values for each setting")
        return tuple(
            dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())
        )
    if isinstance(grid, (list, tuple)) and all(isinstance(each, Mapping) for each in grid):
        return tuple(dict(each) for each in grid)
    raise _refused(repr(grid), "lists of values by setting, or a list of settings")


def name_of(changes: Mapping[str, Any]) -> str:
    """Return a name that tells the settings apart: ``learning_rate=0.003, optimizer=adam``."""
    return ", ".join(f"{name}={value}" for name, value in sorted(changes.items()))


def _refused(found: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        f"train_distributed.grid: found {found}, expected {expected}; see "
        "conf/base/parameters_train_distributed.yml"
    )
