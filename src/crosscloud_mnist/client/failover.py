"""The endpoints of several clouds, called as one: round robin, failover, retries on a budget.

A prediction is idempotent, so a request that got no valid response may be sent again (RFC 9110,
9.2.2). One that was rejected is not: the response would be the same.
"""

from __future__ import annotations

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

from crosscloud_mnist.client.backend import Backend
from crosscloud_mnist.client.endpoint import EndpointClient
from crosscloud_mnist.client.retry_budget import RetryBudget
from crosscloud_mnist.client.status import EndpointStatus, survey
from crosscloud_mnist.errors import ConfigurationError, EndpointError, EndpointUnavailableError

_FIRST_BACKOFF_SECONDS = 0.1
_MAX_EJECTION_SECONDS = 30.0  # whatever Retry-After says
_MAX_DOUBLINGS = 10


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
    """A backend's client and its recent failures."""

    cloud: str
    client: EndpointClient
    failures: int = 0  # in a row
    ejected_until: float = 0.0  # on the monotonic clock


class FailoverClient:
    """Several endpoints as one; safe to share between threads.

    Calls go round the backends. One that does not answer, or returns something else than
    probabilities, is ejected for as long as its ``Retry-After`` says, or for an exponential backoff
    with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/),
    and for 30 s at most; the call goes to the next. When all are ejected, the call waits for the
    first to come back.

    Args:
        backends: In the order of the first calls.
        seconds: How long a call may take in all, waits and retries included.
        request_seconds: How long one request may take.
        max_requests: How many requests one call may make.
        budget: Limits the retries of all calls together.
        class_count: How many classes the model has, if that is known.

    Raises:
        ConfigurationError: There is no backend, or a token's variable is not set.
    """

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        seconds: float = 30.0,
        request_seconds: float = 10.0,
        max_requests: int = 8,
        budget: RetryBudget | None = None,
        class_count: int | None = None,
    ) -> None:
        if not backends:
            raise ConfigurationError("there are no endpoints, expected one or more; name them")
        self._members: list[_Member] = []
        with ExitStack() as opened:
            for backend in backends:
                client = EndpointClient(
                    backend.url, backend.read_token(), request_seconds, class_count
                )
                opened.callback(client.close)
                self._members.append(_Member(backend.cloud, client))
            self._opened = opened.pop_all()
        self._seconds, self._max_requests = seconds, max_requests
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
        self._opened.close()

    @property
    def counts(self) -> Counts:
        """What the client did so far."""
        return self._counts

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images to one of the backends and return their probabilities.

        Args:
            images: ``[n, *image_shape]``, uint8, as the model's contract says.

        Returns:
            [n, classes], float64: the probability of each class.

        Raises:
            EndpointUnavailableError: No backend gave a valid response in time; the message is the
                last one's.
            EndpointError: A backend rejected the request.
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
        deadline = time.monotonic() + self._seconds
        self._budget.deposit()
        member = self._next()
        for requests in count(1):
            try:
                probabilities = member.client.predict(images, deadline - time.monotonic())
            except EndpointUnavailableError as error:
                self._eject(member, error.retry_after)
                previous, member = member, self._next()
                wait = max(0.0, member.ejected_until - time.monotonic())
                is_late = time.monotonic() + wait >= deadline
                if is_late or requests == self._max_requests or not self._budget.withdraw():
                    raise
                self._count(retries=1, failovers=int(member is not previous))
                time.sleep(wait)
            else:
                member.failures = 0
                break
        return probabilities

    def _next(self) -> _Member:
        """Return the next backend that is not ejected, or else the first to come back."""
        with self._lock:
            now = time.monotonic()
            turn = self._turn % len(self._members)
            self._turn += 1
            return min(
                self._members[turn:] + self._members[:turn],
                key=lambda member: max(now, member.ejected_until),
            )

    def _eject(self, member: _Member, retry_after: float | None) -> None:
        with self._lock:
            now = time.monotonic()
            if member.ejected_until > now:
                return  # another call did so
            seconds = retry_after
            if seconds is None:
                backoff = _FIRST_BACKOFF_SECONDS * 2 ** min(member.failures, _MAX_DOUBLINGS)
                seconds = random.uniform(0, backoff)  # noqa: S311  jitter, no secret
            member.failures += 1
            member.ejected_until = now + min(seconds, _MAX_EJECTION_SECONDS)

    def _count(self, **increments: int) -> None:
        with self._lock:
            counts = {name: getattr(self._counts, name) + n for name, n in increments.items()}
            self._counts = replace(self._counts, **counts)
