"""What is trained: the recipe's settings, or one trial for each entry of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.pipelines.train_distributed.parameters import TrainDistributedParameters
from crosscloud_mnist.ports import Tracker
from crosscloud_mnist.training.config import Setting
from crosscloud_mnist.training.grid import apply_changes, describe_changes
from crosscloud_mnist.training.input_pipeline import check_sharding
from crosscloud_mnist.training.job import Shard, TrainingJob


@dataclass(frozen=True)
class Trial:
    """One training, and what it changes of the recipe.

    Attributes:
        changes: Settings that differ from the recipe's.
        job: What to train.
    """

    changes: Mapping[str, Setting]
    job: TrainingJob

    @property
    def name(self) -> str:
        """The changes in one line."""
        return describe_changes(self.changes)


def build_trials(
    tracker: Tracker,
    parameters: TrainDistributedParameters,
    contract: Contract,
    training: tuple[Shard, ...],
    validation: tuple[Shard, ...],
) -> tuple[Trial, ...]:
    """Return the one training of the recipe; in mode ``custom`` one for each entry of the grid.

    Each has a checkpoint folder of its own, under the run's id: executors of an earlier run that
    was killed may still write to theirs.

    Args:
        tracker: Knows the run's id.
        parameters: Settings and grid.
        contract: What the model takes and returns.
        training: The training shards.
        validation: The validation shards.

    Raises:
        ConfigurationError: A batch does not divide among the shards.
    """
    folder = f"{parameters.checkpoint_dir}/{tracker.run_id()}"
    changes = parameters.changes()
    configs = apply_changes(parameters.settings, changes)
    is_grid = len(changes) > 1
    trials = tuple(
        Trial(
            changed,
            TrainingJob(
                config=config,
                contract=contract,
                train=training,
                validation=validation,
                checkpoint_dir=f"{folder}-{number:02d}" if is_grid else folder,
            ),
        )
        for number, (changed, config) in enumerate(zip(changes, configs, strict=True), 1)
    )
    if is_grid:
        for trial in trials:
            check_sharding(trial.job, workers=1)
    return trials
