"""What the training function is given: plain values that pickle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

Count = Annotated[int, Ge(1)]


@dataclass(frozen=True)
class Shard:
    """One slice of a data set on storage that every worker can open.

    Attributes:
        images: Path of an IDX file of uint8 ``[count, 28, 28]``.
        labels: Path of an IDX file of uint8 ``[count]``.
        count: Images in it.
    """

    images: str
    labels: str
    count: int


@dataclass(frozen=True)
class TrainingJob:
    """What to train, on what, for how long.

    Attributes:
        model: Name of the architecture in ``training.models`` (``baseline``, ``compact``,
            ``best``).
        optimizer: ``adam``, ``sgd``, or ``nesterov`` (SGD with a Nesterov momentum of 0.9).
        learning_rate: The peak rate; with ``reference_batch_size``, the one that suits that batch.
        schedule: ``constant``, or ``cosine`` (a short linear warm-up, then cosine to zero).
        epochs: Number of epochs.
        steps_per_epoch: Steps in each; an epoch is a number of steps, as in the case.
        global_batch_size: The *global* batch: images in a step over all slots together.
        precision: ``float32``; ``mixed_bfloat16`` (compute only; the weights stay float32); or
            ``auto``: the latter where the processors of all slots have instructions for it.
        augment: Whether training images are shifted and turned a little.
        seed: Of the weights, the shuffle and the augmentation.
        reference_batch_size: The batch that ``learning_rate`` was found for. It is then scaled by
            ``global_batch_size / reference_batch_size``, after a warm-up, so that a batch which is
            raised with the number of slots needs no new rate; ``None`` takes the rate as it is.
        patience: Epochs without a lower validation loss after which training stops; ``None``
            trains all epochs.
        restore_best_weights: Whether the weights of the epoch with the lowest validation loss are
            taken instead of the last ones.
        ema_momentum: What an exponential moving average of the weights keeps of itself at each
            epoch's end, 0 to 1, once it is over ``1 / (1 - ema_momentum)`` epochs long; before, it
            is their mean. Its weights are then the ones that are validated and exported; 0 turns
            it off. After Izmailov et al. 2018, https://arxiv.org/abs/1803.05407, with decay.
        label_smoothing: Share of a label that is spread over all classes, 0 to 1.
        elastic_sigma: Standard deviation, in pixels, of a smooth random displacement of training
            images; only with ``augment``.
        train: The training shards; each feeds an equal part of every batch.
        validation: The validation shards.
        checkpoint_dir: Folder on storage that the driver sees too, for the epochs' records.
        initial_epoch: How many epochs an earlier attempt has finished: training goes on from the
            checkpoint of the last of them.
        create_strategy: The training function builds its own distribution strategy
            (mode ``custom``) instead of running under the one in scope.
    """

    model: str
    optimizer: Literal["adam", "sgd", "nesterov"]
    learning_rate: Annotated[float, Gt(0)]
    schedule: Literal["constant", "cosine"]
    epochs: Count
    steps_per_epoch: Count
    global_batch_size: Count
    precision: Literal["float32", "mixed_bfloat16", "auto"]
    augment: bool
    seed: int
    train: tuple[Shard, ...]
    validation: tuple[Shard, ...]
    checkpoint_dir: str
    reference_batch_size: Count | None = None
    patience: Count | None = None
    restore_best_weights: bool = False
    ema_momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    elastic_sigma: Annotated[float, Ge(0)] = 0.0
    initial_epoch: int = 0
    create_strategy: bool = False


_NO_SETTINGS = ("train", "validation", "checkpoint_dir", "initial_epoch", "create_strategy")


def settings_of(job: TrainingJob) -> dict[str, Any]:
    """Return the job's settings, as a recipe holds them: all but the paths and the state."""
    return {
        each.name: getattr(job, each.name) for each in fields(job) if each.name not in _NO_SETTINGS
    }
