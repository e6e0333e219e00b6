"""The input of the training function: plain values that pickle."""

from __future__ import annotations

from dataclasses import dataclass

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.training.config import TrainingConfig


@dataclass(frozen=True)
class Shard:
    """One slice of a data set on storage that every worker can open.

    Attributes:
        images: Path of an IDX file of ``count`` images, uint8: see ``storage.shard_layout``.
        labels: Path of an IDX file of uint8 ``[count]``.
        count: Images in it.
    """

    images: str
    labels: str
    count: int


@dataclass(frozen=True)
class TrainingJob:
    """One training: its settings, its data, and how far it has come.

    Attributes:
        config: The settings.
        contract: What the model takes and returns.
        train: The training shards; each supplies an equal part of every batch.
        validation: The validation shards.
        checkpoint_dir: Folder of checkpoints and epoch records, on storage that the driver and
            every worker see.
        initial_epoch: How many epochs an earlier attempt has finished: training resumes from the
            checkpoint of the last of them.
        create_strategy: Whether the training function creates its own distribution strategy
            (mode ``custom``) instead of running under the one in scope.
    """

    config: TrainingConfig
    contract: Contract
    train: tuple[Shard, ...]
    validation: tuple[Shard, ...]
    checkpoint_dir: str
    initial_epoch: int = 0
    create_strategy: bool = False
