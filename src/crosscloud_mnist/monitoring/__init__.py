"""What a model was trained for, as distributions, and how far what it meets is from them."""

from crosscloud_mnist.monitoring.drift import Drift, compare
from crosscloud_mnist.monitoring.inference_log import Logged, read_answers
from crosscloud_mnist.monitoring.profile import Profile, profile_images, profile_predictions

__all__ = [
    "Drift",
    "Logged",
    "Profile",
    "compare",
    "profile_images",
    "profile_predictions",
    "read_answers",
]
