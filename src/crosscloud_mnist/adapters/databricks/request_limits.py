"""How long requests to a workspace may take, and how long a workspace may ask to wait."""

from __future__ import annotations

import time
from dataclasses import dataclass

from databricks.sdk.clock import Clock


@dataclass(frozen=True)
class RequestLimits:
    """Limits on one call of the SDK.

    Attributes:
        request_seconds: How long one request may take.
        retry_seconds: How long after the first request the SDK still repeats it, on 429, 503 and
            lost connections.
        max_wait_seconds: The longest ``Retry-After`` that is waited for.
    """

    request_seconds: float = 60
    retry_seconds: int = 60
    max_wait_seconds: float = 60


class BoundedClock(Clock):
    """The clock of the SDK's retries.

    The SDK sleeps as long as ``Retry-After`` says, whatever its own time limit is
    (databricks-sdk 0.156, ``retries.py``, lines 31 to 63).

    Args:
        max_wait_seconds: The longest wait.
    """

    def __init__(self, max_wait_seconds: float) -> None:
        self._max_wait_seconds = max_wait_seconds

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            TimeoutError: The wait is longer than the limit.
        """
        if seconds > self._max_wait_seconds + 1:  # the SDK adds up to a second of jitter
            raise TimeoutError(
                f"the workspace rejected the request and asks to retry after {seconds:.0f} s, "
                f"expected at most {self._max_wait_seconds:.0f} s; run the same command later"
            )
        time.sleep(seconds)
