"""The endpoint on this machine: a process of its own that outlives the one that started it.

``crosscloud_mnist.serving`` is that process; a new version is swapped in by its supervisor.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.adapters.local.process import (
    ServingProcess,
    clear,
    load,
    save,
    start_of,
)
from crosscloud_mnist.client import EndpointClient
from crosscloud_mnist.errors import ConfigurationError, EndpointError
from crosscloud_mnist.ports import Deployment, ModelVersion
from crosscloud_mnist.storage import atomic

TOKEN = "MNIST_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
_START_SECONDS = 60
_SWAP_SECONDS = 60  # for each worker: started, proved, the old one drained


class LocalEndpoint:
    """One endpoint on one port.

    Args:
        name: The model's name in the routes.
        host: Address to listen on.
        port: Port to listen on.
        folder: Where the bundles served, the log and the process's number are kept.
        workers: How many processes answer.
        inference_log: ``sampling_fraction`` of the requests (0 to 1; 0 is none) that are logged in
            ``folder``, with their images, in the columns of Databricks' inference tables.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    def __init__(
        self,
        *,
        name: str,
        host: str,
        port: int,
        folder: str,
        workers: int = 1,
        inference_log: Mapping[str, Any] | None = None,
    ) -> None:
        sample = inference_log or {}
        fraction = float(sample.get("sampling_fraction", 0))
        if workers < 1 or not 0 <= fraction <= 1 or (fraction and not sample.get("folder")):
            raise ConfigurationError(
                f"the endpoint has {workers} workers and a sampling fraction of {fraction}, "
                "expected at least 1, and 0 to 1 with a folder; see the globals"
            )
        self._name, self._host, self._port = name, host, port
        self._folder, self._workers = Path(folder), workers
        self._options = [
            *("--name", name, "--host", host, "--port", str(port), "--workers", str(workers)),
            *("--sampling-fraction", str(fraction)),
            *(("--inference-log", str(sample["folder"])) if fraction else ()),
        ]
        self._url = f"http://{host}:{port}/serving-endpoints/{name}/invocations"

    def deploy(self, version: ModelVersion, bundle: Path) -> Deployment:
        """Serve the version: see ``ports.Endpoint``.

        A new version's workers prove themselves on the golden set before they listen beside the
        old ones, which then drain; where one fails, the old ones stay as they are.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        old = load(self._folder)
        if old is None and self._port_answers():
            raise EndpointError(
                f"{self._host}:{self._port} is taken by another program, expected it free; stop "
                "that program (make stop, where it is an endpoint of another folder), or set "
                "endpoint.port in the globals"
            )
        if old is not None and old.options != self._options:
            raise EndpointError(
                f"the endpoint runs with {' '.join(old.options)}, expected "
                f"{' '.join(self._options)}; run make stop and deploy again"
            )
        served = (version.version, version.digest)
        if old is None or (old.version, old.digest) != served:
            kept = self._keep(bundle, version.digest)
            new = self._swap(old, version, kept) if old else self._start(version, kept)
            save(new, self._folder)
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
            return client.describe()

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Send images and return their probabilities: see ``ports.Endpoint``."""
        with self._client() as client:
            return client.predict(images)

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

    def _start(self, version: ModelVersion, bundle: Path) -> ServingProcess:
        log = self._folder / "endpoint.log"
        with tempfile.TemporaryDirectory(dir=self._folder) as staging, log.open("ab") as output:
            ready, mark = Path(staging) / "ready", output.tell()
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "crosscloud_mnist.serving", *self._options),
                    *("--bundle", str(bundle), "--version", version.version),
                    *("--ready", str(ready), "--next", str(self._folder / "next.json")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            until = time.monotonic() + _START_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    raise EndpointError(f"the endpoint did not start: {_last_word(log, mark)}")
                time.sleep(0.02)
        started = start_of(process.pid) or 0
        return ServingProcess(process.pid, started, version.version, version.digest, self._options)

    def _swap(self, old: ServingProcess, version: ModelVersion, bundle: Path) -> ServingProcess:
        """Let the supervisor replace its workers: see ``serving.supervisor``."""
        log = self._folder / "endpoint.log"
        mark = log.stat().st_size
        with tempfile.TemporaryDirectory(dir=self._folder) as staging:
            ready, failed = Path(staging) / "ready", Path(staging) / "failed"
            asked = {"bundle": bundle, "version": version.version, "ready": ready, "failed": failed}
            text = json.dumps(asked, default=str)
            atomic.write_bytes(self._folder / "next.json", text.encode())
            os.kill(old.pid, signal.SIGHUP)
            until = time.monotonic() + _SWAP_SECONDS * (1 + self._workers)
            while not ready.exists():
                if failed.exists() or not old.runs() or time.monotonic() > until:
                    raise EndpointError(
                        f"version {version.version} did not start: {_last_word(log, mark)}; "
                        f"version {old.version} stays"
                    )
                time.sleep(0.02)
        return replace(old, version=version.version, digest=version.digest)


def stop(folder: Path) -> bool:
    """End the endpoint that was started from this folder; whether there was one."""
    process = load(folder)
    if process is not None:
        process.stop()
    clear(folder)
    return process is not None


def _last_word(log: Path, mark: int) -> str:
    """Return what a worker said of its failure since the mark, else the log's last line."""
    with log.open("rb") as file:
        file.seek(mark)
        lines = file.read().decode(errors="replace").strip().splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    said = (errors or lines or ["it said nothing"])[-1]
    return f"{said} (its log: {log})"


if __name__ == "__main__":
    print("stopped" if stop(Path(sys.argv[1])) else "no endpoint was running")  # noqa: T201
