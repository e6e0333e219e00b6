"""Distributions of what a model was trained for, and how far an inference log is from them."""

from crosscloud_mnist.monitoring.drift import Drift, compare
from crosscloud_mnist.monitoring.inference_log import LoggedPredictions, read_predictions
from crosscloud_mnist.monitoring.profile import (
    Distribution,
    Profile,
    TrainingProfile,
    profile_images,
    profile_predictions,
)

__all__ = [
    "Distribution",
    "Drift",
    "LoggedPredictions",
    "Profile",
    "TrainingProfile",
    "compare",
    "profile_images",
    "profile_predictions",
    "read_predictions",
]
