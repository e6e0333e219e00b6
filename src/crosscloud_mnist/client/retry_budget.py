"""How much a client may retry, all its calls together.

Without a budget, clients that retry each call a few times multiply the load of a service that is
overloaded already: https://sre.google/sre-book/handling-overload/ ("per-client retry budget"). This
is the token bucket of Finagle's ``RetryBudget``
(https://twitter.github.io/finagle/guide/Clients.html#retries): every call pays in a part of a
retry, every retry takes a whole one out, and a reserve that fills by itself lets a quiet client
retry too.
"""

from __future__ import annotations

import threading
import time


class RetryBudget:
    """A bucket of retries; safe to share between threads.

    Args:
        share: Retries for each call, in the long run; Finagle's 20 %.
        per_second: Retries that are free every second, for a client that makes few calls.
        seconds: The bucket holds no more than the reserve of so many seconds.
    """

    def __init__(self, share: float = 0.2, per_second: float = 10.0, seconds: float = 10.0) -> None:
        self._share, self._per_second = share, per_second
        self._most = per_second * seconds
        self._balance, self._filled = self._most, time.monotonic()
        self._lock = threading.Lock()

    def deposit(self) -> None:
        """Pay in for one call."""
        with self._lock:
            self._balance = min(self._most, self._balance + self._share)

    def withdraw(self) -> bool:
        """Take one retry out, if there is one."""
        with self._lock:
            now = time.monotonic()
            reserve = (now - self._filled) * self._per_second
            self._balance, self._filled = min(self._most, self._balance + reserve), now
            if self._balance < 1:
                return False
            self._balance -= 1
            return True
