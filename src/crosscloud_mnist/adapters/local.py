"""The endpoint on this machine: a process of its own that outlives the one that started it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.client import EndpointClient
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.files import write_whole
from crosscloud_mnist.ports import Deployment, ModelVersion

TOKEN = "MNIST_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
_START_SECONDS = 60
_DRAIN_SECONDS = 15


@dataclass(frozen=True)
class _Process:
    """The serving process, as ``endpoint.json`` holds it.

    Attributes:
        pid: Its number, which the system may give to another one later.
        started: When it started, in clock ticks since boot: with the number, an identity.
        version: What it serves.
        digest: Of the bundle that it serves.
    """

    pid: int
    started: int
    version: str
    digest: str

    def runs(self) -> bool:
        """Whether this very process is still there."""
        return _started(self.pid) == self.started

    def stop(self) -> None:
        """End it: SIGTERM drains, SIGKILL follows where that takes too long."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.runs():
                os.kill(self.pid, number)
            until = time.monotonic() + _DRAIN_SECONDS
            while self.runs() and time.monotonic() < until:
                time.sleep(0.05)


class Endpoint:
    """One endpoint on one port.

    Args:
        name: The model's name in the routes.
        host: Address to listen on.
        port: Port to listen on.
        folder: Where the bundles served, the log and the process's number are kept.
    """

    def __init__(self, *, name: str, host: str, port: int, folder: str) -> None:
        self._name, self._host, self._port = name, host, port
        self._folder = Path(folder)
        self._url = f"http://{host}:{port}/serving-endpoints/{name}/invocations"

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``.

        The new process proves itself on the golden set before it opens the port beside the old
        one, which then drains: the port is never without an owner.
        """
        old = _recorded(self._folder)
        if old is None and self._port_answers():
            raise EndpointError(
                f"{self._host}:{self._port} is taken by another program, expected it free; stop "
                "that program (make stop, where it is an endpoint of another folder), or set "
                "endpoint.port in the globals"
            )
        served = (version.version, version.digest)
        if old is None or (old.version, old.digest) != served:
            new = self._start(version, self._keep(bundle, version.digest))
            write_whole(self._folder / "endpoint.json", json.dumps(asdict(new)).encode())
            if old is not None:
                old.stop()
        deployment = self.describe()
        if (deployment.model_version, deployment.digest) != served:
            raise EndpointError(
                f"{self._url} serves version {deployment.model_version}, expected "
                f"{version.version}; run make stop and deploy again"
            )
        return deployment

    def describe(self) -> Deployment:
        """Return what the endpoint serves, by its own word: see ``ports.Endpoint``."""
        with self._client() as client:
            live = client.version()
        return Deployment(self._url, live["name"], live["version"], live["digest"])

    def predict(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send pictures and return their probabilities: see ``ports.Endpoint``."""
        with self._client() as client:
            return client.predict(pictures)

    def _client(self) -> EndpointClient:
        return EndpointClient(self._url, os.environ.get(TOKEN))

    def _port_answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self._host, self._port)) == 0

    def _keep(self, bundle: Path, digest: str) -> Path:
        """Copy the bundle to a place of its own, named by its content."""
        kept = self._folder / "bundles" / digest
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent) as staging:
                shutil.copytree(bundle, Path(staging) / "bundle").rename(kept)
        return kept

    def _start(self, version: ModelVersion, bundle: Path) -> _Process:
        log = self._folder / "endpoint.log"
        with tempfile.TemporaryDirectory(dir=self._folder) as staging, log.open("ab") as output:
            ready, mark = Path(staging) / "ready", output.tell()
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "crosscloud_mnist.serving"),
                    *("--bundle", str(bundle)),
                    *("--name", self._name),
                    *("--version", version.version),
                    *("--host", self._host),
                    *("--port", str(self._port)),
                    *("--ready", str(ready)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            until = time.monotonic() + _START_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    process.kill()
                    raise EndpointError(_last_word(log, mark))
                time.sleep(0.05)
        return _Process(process.pid, _started(process.pid) or 0, version.version, version.digest)


def stop(folder: Path) -> bool:
    """End the endpoint that was started from this folder; whether there was one."""
    process = _recorded(folder)
    if process is not None:
        process.stop()
    (folder / "endpoint.json").unlink(missing_ok=True)
    return process is not None


def _recorded(folder: Path) -> _Process | None:
    """Return the process that was started from this folder, if it still runs."""
    record = folder / "endpoint.json"
    if not record.is_file():
        return None
    process = _Process(**json.loads(record.read_bytes()))
    return process if process.runs() else None


def _started(pid: int) -> int | None:
    """Return when the process started, or ``None`` where there is none: proc(5), field 22."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _last_word(log: Path, mark: int) -> str:
    with log.open("rb") as file:
        file.seek(mark)
        lines = file.read().decode(errors="replace").strip().splitlines()
    said = lines[-1].removeprefix("Error: ") if lines else "it said nothing"
    return f"the endpoint did not start: {said} (its log: {log})"


if __name__ == "__main__":
    print("stopped" if stop(Path(sys.argv[1])) else "no endpoint was running")  # noqa: T201
