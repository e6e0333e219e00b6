"""A drill: two endpoints stand for two clouds, and one is lost under load: ``make drill``.

Then, still under load, a new version is deployed, a bad one after it, and a worker process is
killed. No call may fail; the retries that this takes are counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from crosscloud_mnist.adapters import local
from crosscloud_mnist.bundle import Bundle, digest_of
from crosscloud_mnist.client import Backend, FailoverClient, digest_mismatch
from crosscloud_mnist.errors import CrosscloudError, EndpointError
from crosscloud_mnist.ports import ModelVersion
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE

NAME = "mnist_cnn"
_THREADS = 8
_PAUSE = 0.01  # seconds between a thread's calls: a steady load, not the heaviest


@dataclass
class Load:
    """Calls from several threads, one after the other in each, for as long as it is open.

    Attributes:
        client: Whom to call.
        images: [n, 28, 28], uint8; one is sent with each call.
        answers: [n, 10]: what each must be answered.
        milliseconds: How long each call took.
        failures: What calls raised, and wrong answers.
    """

    client: FailoverClient
    images: NDArray[np.uint8]
    answers: NDArray[np.float32]
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self, threads: int = _THREADS) -> Iterator[None]:
        """Call until the block ends; the calls under way are finished."""
        over = threading.Event()
        workers = [threading.Thread(target=self._call, args=(over,)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            over.set()
            for worker in workers:
                worker.join()

    def _call(self, over: threading.Event) -> None:
        index = 0
        while not over.is_set():
            index = (index + 1) % len(self.images)
            start = time.perf_counter()
            try:
                answer = self.client.predict(self.images[index : index + 1])[0]
                if not np.allclose(answer, self.answers[index], atol=1e-4):
                    self.failures.append(f"image {index} was answered {answer.argmax()}")
            except CrosscloudError as error:
                self.failures.append(str(error))
            self.milliseconds.append((time.perf_counter() - start) * 1000)
            time.sleep(_PAUSE)


@dataclass(frozen=True)
class Cloud:
    """One endpoint that stands for a cloud's.

    Attributes:
        name: Of the cloud.
        endpoint: Deploys to it.
        folder: Where it keeps what it runs.
        url: Where it answers.
    """

    name: str
    endpoint: local.LocalEndpoint
    folder: Path
    url: str

    def deploy(self, bundle: Path, version: str) -> None:
        """Serve the bundle under that version."""
        self.endpoint.deploy(ModelVersion(NAME, version, digest_of(bundle)), bundle)

    def kill(self) -> None:
        """End all its processes at once: the cloud is gone."""
        os.killpg(self._main().pid, signal.SIGKILL)
        self._main().wait()

    def kill_worker(self) -> None:
        """End one of the processes that answer."""
        workers = [each for each in self._main().children() if "spawn_main" in str(each.cmdline())]
        workers[0].kill()

    def _main(self) -> psutil.Process:
        return psutil.Process(json.loads((self.folder / "endpoint.json").read_text())["pid"])


@contextlib.contextmanager
def cloud(name: str, folder: Path, **options: Any) -> Iterator[Cloud]:
    """Give an endpoint on a free port, not deployed yet; it is stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = folder / name
    kept.mkdir(parents=True)
    endpoint = local.LocalEndpoint(
        name=NAME, host="127.0.0.1", port=port, folder=str(kept), **options
    )
    url = f"http://127.0.0.1:{port}/serving-endpoints/{NAME}/invocations"
    try:
        yield Cloud(name, endpoint, kept, url)
    finally:
        local.stop(kept)


def copies(clouds: Sequence[Cloud]) -> list[Backend]:
    """Return what a client needs to call them."""
    token = TOKEN_VARIABLE if os.environ.get(TOKEN_VARIABLE) else None
    return [Backend(each.name, each.url, token) for each in clouds]


def another(bundle: Path, folder: Path) -> Path:
    """Return the bundle as a later training would give it: it answers alike."""
    copy = shutil.copytree(bundle, folder)
    card = copy / "artifacts" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"trained": "again"}))
    return copy


def spoiled(bundle: Path, folder: Path) -> Path:
    """Return a bundle that fails its proof: its golden answers are not what the graph gives."""
    copy = shutil.copytree(bundle, folder)
    golden = Bundle(copy, "").golden()
    np.savez(
        copy / "artifacts" / "golden.npz",
        images=golden.images,
        labels=(golden.labels + 1) % 10,
        expected=np.roll(golden.expected, 1, axis=1),
    )
    return copy


def main() -> int:
    """Run the drill and print what each step took."""
    parser = argparse.ArgumentParser(prog="rehearsal.drill", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("data/06_models/bundle"))
    parser.add_argument("--seconds", type=float, default=3.0, help="of load after each step")
    arguments = parser.parse_args()
    if not (arguments.bundle / "MLmodel").is_file():
        parser.error(f"{arguments.bundle} is no bundle; run make demo, or name one with --bundle")
    with tempfile.TemporaryDirectory() as folder:
        return _drill(arguments.bundle, arguments.seconds, Path(folder))


def _drill(bundle: Path, seconds: float, folder: Path) -> int:
    second, bad = another(bundle, folder / "second"), spoiled(bundle, folder / "bad")
    with (
        cloud("azure", folder) as azure,
        cloud("gcp", folder, workers=2) as gcp,
    ):
        for each in (azure, gcp):
            each.deploy(bundle, "1")
        golden = Bundle(bundle, "").golden()
        with (
            FailoverClient(copies([azure, gcp])) as client,
            FailoverClient(copies([gcp])) as single,
        ):
            both, one = (Load(each, golden.images, golden.expected) for each in (client, single))
            print(f"{'step':34} calls  failed  retries  failovers    p50 ms    p99 ms")
            with both.running():
                _step("both clouds answer", both, seconds)
                azure.kill()
                _step("azure is killed", both, seconds)
                print("  " + "; ".join(each.error for each in client.survey() if each.error))
                azure.deploy(bundle, "1")
                _step("azure is back", both, seconds)
            with one.running():
                gcp.deploy(second, "2")
                _step("gcp alone gets version 2", one, seconds)
                print(f"  {digest_mismatch(client.survey())}")
                try:
                    gcp.deploy(bad, "3")
                except EndpointError as error:
                    print(f"  version 3: {error}")
                _step("a bad version 3 is refused", one, seconds)
                gcp.kill_worker()
                _step("a worker of gcp is killed", one, seconds)
    failures = [*both.failures, *one.failures]
    print(f"{len(failures)} failed calls" + "".join(f"\n  {line}" for line in set(failures)))
    return 1 if failures else 0


def _step(title: str, load: Load, seconds: float) -> None:
    """Let the load go on for a while, and print its calls and the counts so far."""
    time.sleep(seconds)
    calls, load.milliseconds = load.milliseconds, []
    now = load.client.counts
    median, tail = np.percentile(calls, [50, 99])
    print(
        f"{title:34} {len(calls):5}  {len(load.failures):6}  {now.retries:7}  {now.failovers:9}"
        f"  {median:8.1f}  {tail:8.1f}"
    )


if __name__ == "__main__":
    sys.exit(main())
