"""What a model was trained for, as distributions, and how far what it meets is from them."""

from crosscloud_mnist.monitoring.drift import Drift, compare
from crosscloud_mnist.monitoring.log import Logged, read_answers
from crosscloud_mnist.monitoring.profile import Profile, profile_of_answers, profile_of_pictures

__all__ = [
    "Drift",
    "Logged",
    "Profile",
    "compare",
    "profile_of_answers",
    "profile_of_pictures",
    "read_answers",
]
