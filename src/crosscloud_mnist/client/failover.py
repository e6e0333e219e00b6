"""The copies that several clouds serve, called as one: round robin, failover, retries on a budget.

To predict is idempotent, so a call that got no answer may be sent again (RFC 9110, 9.2.2). One that
was refused is not: the answer would be the same.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.client.endpoint import EndpointClient
from crosscloud_mnist.client.retry_budget import RetryBudget
from crosscloud_mnist.client.status import EndpointStatus, survey
from crosscloud_mnist.errors import ConfigurationError, EndpointError, EndpointUnavailableError

_FIRST_PAUSE, _MAX_PAUSE = 0.1, 30.0  # seconds


@dataclass(frozen=True)
class Backend:
    """One cloud's copy of the model.

    Attributes:
        cloud: Its name, for messages and counts.
        url: The address that takes ``POST {"instances": [...]}``.
        token: Name of the environment variable that holds the bearer token, where one is wanted.
    """

    cloud: str
    url: str
    token: str | None = None


@dataclass(frozen=True)
class Counts:
    """What a client did so far.

    Attributes:
        calls: Calls of ``predict``.
        failures: Calls that raised an ``EndpointError``.
        retries: Requests after a call's first.
        failovers: Retries that went to another cloud than the request before.
    """

    calls: int = 0
    failures: int = 0
    retries: int = 0
    failovers: int = 0


@dataclass
class _Member:
    """A copy's client, and how it did lately."""

    cloud: str
    client: EndpointClient
    failures: int = 0  # in a row
    aside_until: float = 0.0  # on the monotonic clock


class FailoverClient:
    """Several endpoints as one; safe to share between threads.

    Calls go round the copies. One that does not answer is set aside for as long as its
    ``Retry-After`` says, or for an exponential pause with full jitter
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and the call goes
    to the next; when all are set aside, the call waits for the first to come back.

    Args:
        backends: In the order in which the first calls go.
        seconds: How long a call may take in all, waits and retries included.
        answer_seconds: How long one request may take.
        attempts: How many requests one call may make.
        budget: What all calls together may retry.

    Raises:
        ConfigurationError: There is no copy, or a token's variable is not set.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        seconds: float = 30.0,
        answer_seconds: float = 10.0,
        attempts: int = 8,
        budget: RetryBudget | None = None,
    ) -> None:
        if not backends:
            raise ConfigurationError("there are no endpoints, expected one or more; name them")
        self._members = [
            _Member(backend.cloud, EndpointClient(backend.url, _token(backend), answer_seconds))
            for backend in backends
        ]
        self._seconds, self._attempts = seconds, attempts
        self._budget = budget or RetryBudget()
        self._lock = threading.Lock()
        self._turn = 0
        self._counts = Counts()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for member in self._members:
                stack.callback(member.client.close)

    @property
    def counts(self) -> Counts:
        """What was done so far."""
        return self._counts

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images to one of the copies and return their probabilities.

        Args:
            images: [n, 28, 28], uint8, light ink on dark ground.

        Returns:
            [n, 10]: the probability of each digit.

        Raises:
            EndpointUnavailableError: No copy answered in time; the message is the last one's.
            EndpointError: A copy refused the images, or answered something else.
        """
        self._count(calls=1)
        try:
            return self._predict(images)
        except EndpointError:
            self._count(failures=1)
            raise

    def survey(self) -> tuple[EndpointStatus, ...]:
        """Return what every backend serves (local endpoints only)."""
        return survey({member.cloud: member.client for member in self._members})

    def _predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        until = time.monotonic() + self._seconds
        self._budget.deposit()
        member = self._next()
        for attempt in count(1):
            try:
                answer = member.client.predict(images)
            except EndpointUnavailableError as error:
                self._eject(member, error.retry_after)
                last, member = member, self._next()
                wait = max(0.0, member.aside_until - time.monotonic())
                late = time.monotonic() + wait > until
                if late or attempt == self._attempts or not self._budget.withdraw():
                    raise
                self._count(retries=1, failovers=int(member is not last))
                time.sleep(wait)
            else:
                member.failures = 0
                break
        return answer

    def _next(self) -> _Member:
        """Return the copy whose turn it is of those not set aside, or the first to come back."""
        with self._lock:
            now = time.monotonic()
            turn = self._turn % len(self._members)
            self._turn += 1
            return min(
                self._members[turn:] + self._members[:turn],
                key=lambda member: max(now, member.aside_until),
            )

    def _eject(self, member: _Member, retry_after: float | None) -> None:
        with self._lock:
            now = time.monotonic()
            if member.aside_until > now:
                return  # another call found the same
            ceiling = min(_MAX_PAUSE, _FIRST_PAUSE * 2**member.failures)
            member.failures += 1
            pause = random.uniform(0, ceiling) if retry_after is None else retry_after  # noqa: S311
            member.aside_until = now + pause

    def _count(self, **more: int) -> None:
        with self._lock:
            now = {name: getattr(self._counts, name) + n for name, n in more.items()}
            self._counts = replace(self._counts, **now)


def _token(backend: Backend) -> str | None:
    if backend.token is None:
        return None
    token = os.environ.get(backend.token, "").strip()
    if not token:
        raise ConfigurationError(
            f"{backend.token} is not set, expected the bearer token of {backend.cloud}'s endpoint"
        )
    return token
