"""How long a request to an endpoint takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class _Predictor(Protocol):
    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class TimedPrediction:
    """A response and its time.

    Attributes:
        probabilities: As ``predict`` returned them.
        seconds: From the call to its return.
    """

    probabilities: NDArray[np.float64]
    seconds: float


def predict_timed(endpoint: _Predictor, images: NDArray[np.uint8]) -> TimedPrediction:
    """Send images and return the response with its time.

    Raises:
        EndpointError: The endpoint rejected them, or did not respond.
    """
    start = time.perf_counter()
    probabilities = endpoint.predict(images)
    return TimedPrediction(probabilities, time.perf_counter() - start)
