"""What is trained: the job of a recipe's values, or one for each setting of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training.grid import Grid, expand
from crosscloud_mnist.training.input_pipeline import check
from crosscloud_mnist.training.job import Shard, TrainingJob


def build_jobs(  # noqa: PLR0917  a job is where everything meets
    settings: Mapping[str, Any],
    grid: Grid,
    mode: Mode,
    records: str,
    training: tuple[Shard, ...],
    validation: tuple[Shard, ...],
) -> tuple[TrainingJob, ...]:
    """Return the job that the recipe's values make; in mode ``custom`` one for each of the grid's.

    Args:
        settings: The recipe's values, one for each field of ``TrainingJob`` that is no path.
        grid: What to try instead of some of them: see ``training.grid.expand``.
        mode: The launcher's.
        records: Folder for the epochs' records, seen by the driver and the workers.
        training: The training shards.
        validation: The validation shards.

    Raises:
        ConfigurationError: A value is missing, unknown or of the wrong kind.
    """
    from pydantic import TypeAdapter, ValidationError

    jobs = []
    several = expand(grid if mode == "custom" else None)
    for number, changes in enumerate(several, 1):
        values = {
            **settings,
            **changes,
            "checkpoint_dir": f"{records}/{number:02d}" if len(several) > 1 else records,
            "train": training,
            "validation": validation,
        }
        unknown = values.keys() - {each.name for each in fields(TrainingJob)}
        if unknown:
            raise ConfigurationError(
                f"train_distributed has no setting {', '.join(sorted(unknown))}, expected those of "
                "the recipes in conf/base/parameters_recipes.yml; see also the grid there"
            )
        try:
            job = TypeAdapter(TrainingJob).validate_python(values)
        except ValidationError as error:
            first = error.errors()[0]
            of = "grid" if first["loc"] and first["loc"][0] in changes else "settings"
            where = ".".join(map(str, ("train_distributed", of, *first["loc"])))
            raise ConfigurationError(
                f"{where}: found {first['input']!r}, expected: {first['msg']}; see the recipes in "
                "conf/base/parameters_recipes.yml"
            ) from error
        if len(several) > 1:
            check(job, workers=1)
        jobs.append(job)
    return tuple(jobs)
