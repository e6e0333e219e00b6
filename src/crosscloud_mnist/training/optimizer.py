"""The optimizer, with its learning rate scaled with the batch, warmed up and decayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crosscloud_mnist.training.config import TrainingConfig

if TYPE_CHECKING:
    import keras

_WARM_UP_FRACTION = 0.1  # of all steps
_MOMENTUM = 0.9


def peak_learning_rate(config: TrainingConfig) -> float:
    """Return the learning rate after the warm-up.

    With ``reference_batch_size`` it follows the linear scaling rule: k times the batch takes k
    times the rate (Goyal et al. 2017, https://arxiv.org/abs/1706.02677, section 2.1).
    """
    if config.reference_batch_size is None:
        return config.learning_rate
    return config.learning_rate * config.global_batch_size / config.reference_batch_size


def build_optimizer(config: TrainingConfig) -> keras.Optimizer:
    """Return the optimizer; its schedule is part of it, so no Python runs between two steps."""
    import keras

    learning_rate = _learning_rate(config)
    if config.optimizer == "adam":
        return keras.optimizers.Adam(learning_rate)
    if config.optimizer == "nesterov":
        return keras.optimizers.SGD(learning_rate, momentum=_MOMENTUM, nesterov=True)
    return keras.optimizers.SGD(learning_rate)


def _learning_rate(
    config: TrainingConfig,
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the rate or its schedule.

    A scaled rate warms up from the unscaled one (section 2.2 of the same paper), a cosine one from
    zero.
    """
    import keras

    is_scaled = config.reference_batch_size is not None
    if config.schedule == "constant" and not is_scaled:
        return config.learning_rate
    steps = config.epochs * config.steps_per_epoch
    warm_up_steps = max(1, round(_WARM_UP_FRACTION * steps))
    return keras.optimizers.schedules.CosineDecay(
        config.learning_rate if is_scaled else 0.0,
        max(1, steps - warm_up_steps),
        alpha=0.0 if config.schedule == "cosine" else 1.0,  # the share of the peak at the end
        warmup_target=peak_learning_rate(config),
        warmup_steps=warm_up_steps,
    )
