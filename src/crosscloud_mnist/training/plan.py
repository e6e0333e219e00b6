"""What is asked of the training function, and what it gives back: plain values that pickle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Shard:
    """One slice of a data set on storage that every worker can open.

    Attributes:
        images: Path of an IDX file of uint8 ``[count, 28, 28]``.
        labels: Path of an IDX file of uint8 ``[count]``.
        count: Pictures in it.
    """

    images: str
    labels: str
    count: int


@dataclass(frozen=True)
class Plan:
    """What to train, on what, for how long.

    Attributes:
        model: Name of the architecture in ``training.models`` (``case``, ``compact``, ``best``).
        optimizer: ``adam``, ``sgd``, or ``nesterov`` (SGD with a Nesterov momentum of 0.9).
        learning_rate: The peak rate; with ``base_batch``, the one that suits that batch.
        schedule: ``constant``, or ``cosine`` (a short linear warm-up, then cosine to zero).
        epochs: Number of epochs.
        steps_per_epoch: Steps in each; an epoch is a number of steps, as in the case.
        batch: The *global* batch: pictures in a step over all slots together.
        precision: ``float32``; ``mixed_bfloat16`` (compute only; the weights stay float32); or
            ``auto``: the latter where the processors of all slots have instructions for it.
        augment: Whether training pictures are shifted and turned a little.
        seed: Of the weights, the shuffle and the augmentation.
        base_batch: The batch that ``learning_rate`` was found for. It is then scaled by
            ``batch / base_batch``, after a warm-up, so that a batch which is raised with the number
            of slots needs no new rate; ``None`` takes the rate as it is.
        patience: Epochs without a lower validation loss after which training stops; ``None``
            trains all epochs.
        keep_best: Whether the weights of the epoch with the lowest validation loss are taken
            instead of the last ones.
        average: What a moving average of the weights keeps of itself at each epoch's end, 0 to 1,
            once it is over ``1 / (1 - average)`` epochs long; before, it is their mean. Its weights
            are then the ones that are validated and taken; 0 takes the epoch's own. After Izmailov
            et al. 2018, https://arxiv.org/abs/1803.05407, but with weights that fade.
        label_smoothing: Share of a label that is spread over all classes, 0 to 1.
        elastic: Standard deviation, in pixels, of a smooth random displacement of training
            pictures; only with ``augment``.
        train: The training shards; each feeds an equal part of every batch.
        validation: The validation shards.
        records: Folder on storage that the driver sees too, for the epochs' records.
        done: How many epochs an earlier attempt has finished: training goes on from the
            checkpoint of the last of them.
        own_strategy: The training function builds its own distribution strategy
            (mode ``custom``) instead of running under the one in scope.
    """

    model: str
    optimizer: Literal["adam", "sgd", "nesterov"]
    learning_rate: Annotated[float, Gt(0)]
    schedule: Literal["constant", "cosine"]
    epochs: Count
    steps_per_epoch: Count
    batch: Count
    precision: Literal["float32", "mixed_bfloat16", "auto"]
    augment: bool
    seed: int
    train: tuple[Shard, ...]
    validation: tuple[Shard, ...]
    records: str
    base_batch: Count | None = None
    patience: Count | None = None
    keep_best: bool = False
    average: Annotated[float, Ge(0), Lt(1)] = 0.0
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    elastic: Annotated[float, Ge(0)] = 0.0
    done: int = 0
    own_strategy: bool = False


_NO_SETTINGS = ("train", "validation", "records", "done", "own_strategy")


def settings_of(plan: Plan) -> dict[str, Any]:
    """Return the plan's settings, as a recipe holds them: all but the paths and the state."""
    return {
        each.name: getattr(plan, each.name)
        for each in fields(plan)
        if each.name not in _NO_SETTINGS
    }


@dataclass(frozen=True)
class Epoch:
    """The figures of one finished epoch, over all slots together.

    Attributes:
        number: From 1.
        of: How many epochs there will be.
        loss: Mean training cross-entropy, nats, of the weights as they were trained.
        accuracy: Training accuracy, 0 to 1, of the same.
        val_loss: Mean validation cross-entropy, nats, of labels that are smoothed as in training;
            with ``average``, of the averaged weights.
        val_accuracy: Validation accuracy, 0 to 1, of the same.
        learning_rate: At the epoch's last step.
        seconds: Wall time of the epoch, validation included.
        images_per_second: Training pictures a second over the training steps alone.
        cpu_seconds: Processor time of all slots together over the training steps alone.
    """

    number: int
    of: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    images_per_second: float
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Proof:
    """What one rank did, exchanged over the barrier when training ended.

    Attributes:
        rank: From 0.
        host: The address of the executor it ran on.
        shards: Indices into ``Plan.train`` of the shards that it alone read.
        images: Training pictures that it saw.
        precision: What it computed in.
        weights_sha256: Of its final weights, hexadecimal.
    """

    rank: int
    host: str
    shards: tuple[int, ...]
    images: int
    precision: str
    weights_sha256: str


@dataclass(frozen=True)
class Outcome:
    """What training gives back.

    Attributes:
        weights: The model's weights, float32, in Keras' order (``Model.get_weights``).
        history: The epochs, in order.
        proofs: One of each rank, in rank order.
        chosen: Number of the epoch whose weights they are; 0 for the last.
    """

    weights: tuple[NDArray[np.float32], ...]
    history: tuple[Epoch, ...]
    proofs: tuple[Proof, ...]
    chosen: int = 0

    @property
    def taken(self) -> Epoch:
        """The epoch whose weights they are."""
        return self.history[self.chosen - 1]
