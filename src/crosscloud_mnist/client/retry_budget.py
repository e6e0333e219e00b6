"""A limit on the retries of a client, over all its calls.

Without a budget, clients that retry each call a few times multiply the load of a service that is
overloaded already: https://sre.google/sre-book/handling-overload/ ("per-client retry budget"). This
is the token bucket of Finagle's ``RetryBudget``
(https://twitter.github.io/finagle/guide/Clients.html#retries): every call deposits a fraction of a
retry, every retry withdraws one, and a reserve that refills with time lets a quiet client retry
too.
"""

from __future__ import annotations

import threading
import time


class RetryBudget:
    """A token bucket of retries; safe to share between threads.

    Args:
        retries_per_call: Retries that each call deposits; Finagle's 20 %.
        reserve_per_second: Retries that are added every second, for a client that makes few calls.
        reserve_seconds: The bucket holds at most the reserve of this many seconds.
    """

    def __init__(
        self,
        retries_per_call: float = 0.2,
        reserve_per_second: float = 10.0,
        reserve_seconds: float = 10.0,
    ) -> None:
        self._retries_per_call, self._reserve_per_second = retries_per_call, reserve_per_second
        self._capacity = reserve_per_second * reserve_seconds
        self._balance, self._refilled_at = self._capacity, time.monotonic()
        self._lock = threading.Lock()

    def deposit(self) -> None:
        """Add the retries of one call."""
        with self._lock:
            self._balance = min(self._capacity, self._balance + self._retries_per_call)

    def withdraw(self) -> bool:
        """Take one retry, and return whether there was one."""
        with self._lock:
            now = time.monotonic()
            reserve = (now - self._refilled_at) * self._reserve_per_second
            self._balance = min(self._capacity, self._balance + reserve)
            self._refilled_at = now
            if self._balance < 1:
                return False
            self._balance -= 1
            return True
