"""Distributions of what a model was trained for, and how far an inference log is from them."""

from crosscloud_mnist.monitoring.calibration import Calibration, measure_calibration
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
    "Calibration",
    "Distribution",
    "Drift",
    "LoggedPredictions",
    "Profile",
    "TrainingProfile",
    "compare",
    "measure_calibration",
    "profile_images",
    "profile_predictions",
    "read_predictions",
]
