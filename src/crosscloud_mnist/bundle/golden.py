"""The graph's answers to the golden set, compared with the recorded ones."""

from __future__ import annotations

import numpy as np

from crosscloud_mnist.bundle.layout import Bundle
from crosscloud_mnist.bundle.prediction import predict
from crosscloud_mnist.errors import VerificationError

SAME_HOST_TOLERANCE = 1e-5  # of probabilities, between Keras and ONNX Runtime on one machine
CROSS_HOST_TOLERANCE = 1e-4  # on another machine, whose processor rounds differently


def golden_difference(bundle: Bundle) -> float:
    """Return the largest difference of a probability from the recorded one, over the golden set."""
    golden = bundle.golden()
    return float(np.abs(predict(bundle, golden.images) - golden.expected).max(initial=0))


def check_golden(bundle: Bundle, tolerance: float) -> float:
    """Return ``golden_difference``.

    Raises:
        VerificationError: It is above the tolerance.
    """
    difference = golden_difference(bundle)
    if not difference <= tolerance:  # also for a NaN
        raise VerificationError(
            f"the model's answers to its golden set differ by up to {difference:.2g}, expected at "
            f"most {tolerance:.0g}; train again, with the versions of the lock"
        )
    return difference
