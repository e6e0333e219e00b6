"""The learning rate: scaled with the batch, warmed up, and decayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crosscloud_mnist.training.job import TrainingJob

if TYPE_CHECKING:
    import keras

_WARM_UP = 0.1  # of all steps
_MOMENTUM = 0.9


def peak_rate(job: TrainingJob) -> float:
    """Return the learning rate after the warm-up.

    With ``reference_batch_size`` it follows the linear scaling rule: k times the batch takes k
    times the rate (Goyal et al. 2017, https://arxiv.org/abs/1706.02677, section 2.1).
    """
    if job.reference_batch_size is None:
        return job.learning_rate
    return job.learning_rate * job.global_batch_size / job.reference_batch_size


def build_optimizer(job: TrainingJob) -> keras.Optimizer:
    """Return the job's optimizer, with its schedule inside: no Python runs between two steps.

    A scaled rate warms up from the unscaled one (section 2.2 of the same paper), a cosine one from
    zero.
    """
    import keras

    steps = job.epochs * job.steps_per_epoch
    rate: Any = job.learning_rate
    if job.schedule == "cosine" or job.reference_batch_size is not None:
        warm_up = max(1, round(_WARM_UP * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if job.reference_batch_size is None else job.learning_rate,
            max(1, steps - warm_up),
            alpha=0.0 if job.schedule == "cosine" else 1.0,  # what is left of the peak at the end
            warmup_target=peak_rate(job),
            warmup_steps=warm_up,
        )
    if job.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    if job.optimizer == "nesterov":
        return keras.optimizers.SGD(rate, momentum=_MOMENTUM, nesterov=True)
    return keras.optimizers.SGD(rate)
