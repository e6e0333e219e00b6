"""``make attack``: the attacks of ``attacks`` on a real endpoint process, on loopback.

During each attack, honest clients send one image a request, and the memory of all processes of the
endpoint is sampled. An attack is withstood where its own check holds, at least 99 % of the honest
requests are answered correctly, and the memory stays below 400 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil

from crosscloud_mnist.bundle import Bundle, Signer, TestPredictions, write
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE
from rehearsal.attacks import ATTACKS, Attack, Target
from rehearsal.dense_bundle import dense_contents
from rehearsal.drill import NAME, cloud_endpoint

MAX_MEGABYTES = 400
MIN_ANSWERED_PERCENT = 99.0
_TOKEN = "a-token-of-the-attack"  # noqa: S105  of this run only
_HONEST_CLIENTS = 2
_HONEST_PAUSE_SECONDS = 0.01
_HONEST_TIMEOUT_SECONDS = 10.0
_SAMPLE_SECONDS = 0.05


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
            for number in range(_HONEST_CLIENTS)
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
            time.sleep(_HONEST_PAUSE_SECONDS)
        client.close()

    def _client(self) -> httpx.Client:
        return httpx.Client(
            headers=self.target.authorization, timeout=_HONEST_TIMEOUT_SECONDS, trust_env=False
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


@contextlib.contextmanager
def sampled_memory(supervisor: psutil.Process) -> Iterator[list[float]]:
    """Yield a list that receives the megabytes of the endpoint's processes, added up."""
    samples: list[float] = []
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(_SAMPLE_SECONDS):
            total = 0
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (supervisor, *supervisor.children(recursive=True)):
                    total += process.memory_info().rss
            samples.append(total / 2**20)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stopped.set()
        thread.join()


def run_attack(attack: Attack, target: Target, bundle: Bundle, scale: float) -> bool:
    """Run one attack, print its row, and return whether the endpoint withstood it."""
    golden = bundle.golden()
    load = HonestLoad(target, {"instances": golden.images[:1].tolist()}, golden.expected[:1])
    with sampled_memory(target.supervisor) as samples, load.running():
        started = time.monotonic()
        time.sleep(0.3)
        outcome = attack.run(target, scale)
        time.sleep(0.5)
        seconds = time.monotonic() - started
    peak = max(samples)
    is_withstood = (
        outcome.has_held and load.answered_percent >= MIN_ANSWERED_PERCENT and peak < MAX_MEGABYTES
    )
    requests = load.answered + len(load.failures)
    print(
        f"{'held' if is_withstood else 'FAILED':6}  {attack.title:48}  {seconds:5.1f} s  "
        f"{load.answered_percent:6.2f} % of {requests:4}  {peak:4.0f} MB  {outcome.observed}",
        flush=True,
    )
    for failure in sorted(set(load.failures))[:3]:
        print(f"        an honest request got: {failure}")
    return is_withstood


def build_bundle(folder: Path) -> Bundle:
    """Write a bundle that needs no training."""
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28)).astype(np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    contents = dense_contents(
        images,
        TestPredictions("0" * 64, labels, labels),
        {
            "dataset": "random",
            "dataset_digest": "0" * 64,
            "source": "generated",
            "git_commit": "0" * 40,
            "lock_digest": "0" * 64,
            "metrics": {"test_accuracy": 0.0, "test_loss": 0.0, "test_images": 8},
        },
    )
    signer = Signer(str(folder / "key.pem"), str(folder / "key.pub"), generate=True)
    return write(contents, folder / "bundle", signer)


def main() -> int:
    """Run all attacks and print a table."""
    parser = argparse.ArgumentParser(prog="rehearsal.attack", description=__doc__)
    parser.add_argument("--bundle", type=Path, help="a bundle to serve; by default a small one")
    parser.add_argument("--short", action="store_true", help="fewer connections and bytes")
    parser.add_argument("--only", default="", help="attacks whose title holds this text")
    arguments = parser.parse_args()
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard_limit, 8192), hard_limit))
    os.environ[TOKEN_VARIABLE] = _TOKEN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = Bundle(arguments.bundle, "") if arguments.bundle else build_bundle(folder)
        with cloud_endpoint("attacked", folder) as endpoint:
            endpoint.deploy(bundle.folder, "1")
            target = Target(endpoint.url.partition("/serving")[0], _TOKEN, endpoint.supervisor())
            attacks = [attack for attack in ATTACKS if arguments.only in attack.title]
            results = [
                run_attack(attack, target, bundle, 0.2 if arguments.short else 1.0)
                for attack in attacks
            ]
    print(f"{sum(results)} of {len(results)} attacks were withstood by {NAME}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
