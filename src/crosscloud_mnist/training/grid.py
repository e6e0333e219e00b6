"""Several settings to try: a grid, or a list, over the recipe's values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from crosscloud_mnist.training.config import Setting, TrainingConfig, parse_config

Grid = dict[str, list[Setting]] | list[dict[str, Setting]]


def expand(grid: Grid | None) -> tuple[dict[str, Setting], ...]:
    """Return what each of the trainings changes.

    Args:
        grid: Values to try of each setting, for all their combinations; or a list of settings;
            or nothing.

    Returns:
        One dictionary for each training; a single empty one where there is no grid.

    Raises:
        ValueError: A setting has no values.
    """
    if not grid:
        return ({},)
    if isinstance(grid, Mapping):
        if empty := [name for name, values in grid.items() if not values]:
            raise ValueError(f"{empty[0]} has no values, expected a list of some for each setting")
        return tuple(
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        )
    return tuple(dict(changes) for changes in grid)


def apply_changes(
    config: TrainingConfig, changes: Sequence[Mapping[str, Setting]]
) -> list[TrainingConfig]:
    """Return the configuration that each of the changes makes of ``config``.

    Raises:
        ValueError: A setting is unknown, or a value has the wrong type or range.
    """
    configs = []
    for each in changes:
        try:
            configs.append(parse_config({**config.settings(), **each}))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            if first["type"] == "unexpected_keyword_argument":
                message = f"{name} is no setting, expected those of the recipes"
            else:
                expected = first["msg"].removeprefix("Input should be ")
                message = f"{name} is {first['input']!r}, expected {expected}"
            raise ValueError(message) from error
    return configs


def describe_changes(changes: Mapping[str, Setting]) -> str:
    """Return a name that identifies the settings: ``learning_rate=0.003, optimizer=adam``."""
    return ", ".join(f"{name}={value}" for name, value in sorted(changes.items()))
