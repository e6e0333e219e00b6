"""Honest clients during an attack."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import numpy as np

from rehearsal.attacks.target import Target

_CLIENTS = 2
_PAUSE_SECONDS = 0.01
_TIMEOUT_SECONDS = 10.0


@dataclass
class HonestLoad:
    """Clients that send one golden image a request, half of them over a new connection each time.

    Attributes:
        target: The endpoint.
        body: The request's body.
        expected: The probabilities of its image.
        answered: Number of correct responses.
        failures: What each other request got.
    """

    target: Target
    body: dict[str, object]
    expected: np.ndarray
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Send requests until the end of the block."""
        stopped = threading.Event()
        threads = [
            threading.Thread(target=self._run, args=(stopped, bool(number % 2)))
            for number in range(_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    @property
    def answered_percent(self) -> float:
        """Share of the requests that were answered correctly."""
        return 100 * self.answered / max(1, self.answered + len(self.failures))

    def _run(self, stopped: threading.Event, keeps_connection: bool) -> None:
        client = self._client()
        while not stopped.is_set():
            if not keeps_connection:
                client.close()
                client = self._client()
            self._send(client)
            time.sleep(_PAUSE_SECONDS)
        client.close()

    def _client(self) -> httpx.Client:
        return httpx.Client(
            headers=self.target.authorization, timeout=_TIMEOUT_SECONDS, trust_env=False
        )

    def _send(self, client: httpx.Client) -> None:
        try:
            response = client.post(f"{self.target.url}/invocations", json=self.body)
            response.raise_for_status()
            predictions = np.array(response.json()["predictions"])
        except (httpx.HTTPError, KeyError, ValueError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            return
        if np.allclose(predictions, self.expected, atol=1e-4):
            self.answered += 1
        else:
            self.failures.append("wrong probabilities")
