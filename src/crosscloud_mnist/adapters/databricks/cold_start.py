"""Waiting for an endpoint that starts: one that scaled to zero, or has just been updated.

Its first request waits for a container. The service answers 503 or 504 meanwhile, or closes the
connection.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from crosscloud_mnist.redaction import summarize

_PAUSE_SECONDS = 1.0
_PROGRESS_SECONDS = 15.0

_Result = TypeVar("_Result")

logger = logging.getLogger(__name__)


def call_until_started(call: Callable[[], _Result], what: str, max_seconds: float) -> _Result:
    """Call, and call again for as long as the endpoint is starting.

    Args:
        call: Sends one request with the SDK.
        what: The endpoint, for the progress.
        max_seconds: How long after the first call another one is still made.

    Returns:
        What ``call`` returned.

    Raises:
        DatabricksError: The endpoint rejected the request, or is still starting after that time.
        TimeoutError: It did not respond within that time.
    """
    from databricks.sdk.errors import DeadlineExceeded, TemporarilyUnavailable

    started = reported = time.monotonic()
    while True:
        try:
            return call()
        except (DeadlineExceeded, TemporarilyUnavailable, TimeoutError) as error:
            now = time.monotonic()
            if now >= started + max_seconds:
                raise
            if reported == started or now >= reported + _PROGRESS_SECONDS:
                reported = now
                logger.info(
                    "%s does not respond yet (%s): waited %.0f s of at most %.0f s",
                    what,
                    summarize(str(error.__cause__ or error)),
                    now - started,
                    max_seconds,
                )
            time.sleep(_PAUSE_SECONDS)
