"""The learning rate: scaled with the batch, warmed up, and decayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crosscloud_mnist.training.plan import Plan

if TYPE_CHECKING:
    import keras

_WARM_UP = 0.1  # of all steps
_MOMENTUM = 0.9


def peak_rate(plan: Plan) -> float:
    """Return the learning rate after the warm-up.

    With ``base_batch`` it follows the linear scaling rule: k times the batch takes k times the
    rate (Goyal et al. 2017, https://arxiv.org/abs/1706.02677, section 2.1).
    """
    if plan.base_batch is None:
        return plan.learning_rate
    return plan.learning_rate * plan.batch / plan.base_batch


def build_optimizer(plan: Plan) -> keras.Optimizer:
    """Return the plan's optimizer, with its schedule inside: no Python runs between two steps.

    A scaled rate warms up from the unscaled one (section 2.2 of the same paper), a cosine one from
    zero.
    """
    import keras

    steps = plan.epochs * plan.steps_per_epoch
    rate: Any = plan.learning_rate
    if plan.schedule == "cosine" or plan.base_batch is not None:
        warm_up = max(1, round(_WARM_UP * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if plan.base_batch is None else plan.learning_rate,
            max(1, steps - warm_up),
            alpha=0.0 if plan.schedule == "cosine" else 1.0,  # what is left of the peak at the end
            warmup_target=peak_rate(plan),
            warmup_steps=warm_up,
        )
    if plan.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if plan.optimizer == "nesterov":
        return keras.optimizers.SGD(rate, momentum=_MOMENTUM, nesterov=True)
    return keras.optimizers.SGD(rate)
