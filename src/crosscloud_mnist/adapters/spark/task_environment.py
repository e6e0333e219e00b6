"""Environment variables of a training task, also on a session that was not created here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult
from crosscloud_mnist.training.tensorflow_startup import hide_deprecations

Train = Callable[[TrainingJob], TrainingResult]


@dataclass(frozen=True)
class TrainInEnvironment:
    """A training function that brings environment variables with it.

    MirroredStrategyRunner imports TensorFlow before it calls the function, and TensorFlow reads
    the variables when it is imported. So they are set when a task unpickles the function. A
    variable that the executor has keeps its value.

    Attributes:
        train: The training function.
        variables: The variables.
    """

    train: Train
    variables: Mapping[str, str]

    def __call__(self, job: TrainingJob) -> TrainingResult:
        """Return what the training function returns."""
        return self.train(job)

    def __reduce__(self) -> tuple[Callable[[Train, dict[str, str]], Train], tuple[object, ...]]:
        """Pickle as a call of ``_restore``."""
        return _restore, (self.train, dict(self.variables))


def _restore(train: Train, variables: dict[str, str]) -> Train:
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    hide_deprecations()
    return TrainInEnvironment(train, variables)


def build_task_variables(threads: int) -> dict[str, str]:
    """Return the variables that TensorFlow reads in a training task.

    Args:
        threads: How many processor cores the task may use.
    """
    return {
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        # As in training.train, which is too late: the runner has imported TensorFlow by then.
        "TF_ENABLE_ONEDNN_OPTS": "1",
    }
