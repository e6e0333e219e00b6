"""The servers that the benchmark compares, each on the same model, as a user would start them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.serving.handshake import EndpointFolder, SwapRequest
from crosscloud_mnist.serving.settings import ServingSettings

TOKEN = "benchmark"
_MLSERVER = Path(__file__).parents[1] / "build/mlserver/bin/mlserver"
_START_SECONDS = 120
_SETTLE_SECONDS = 20
_IDLE_SECONDS = 0.02  # of CPU in half a second
_ENVIRONMENT = {
    "MNIST_ENDPOINT_TOKEN": TOKEN,
    "CUDA_VISIBLE_DEVICES": "",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # MLflow looks for uvicorn there
}


@dataclass
class Server:
    """A server under test.

    Attributes:
        name: In the figures.
        command: The command line; ``{port}`` stands for the port.
        port: The port it listens on.
        path: Path of the predict route.
    """

    name: str
    command: list[str]
    path: str = "/invocations"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The predict route."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def start(self, body: bytes, log: Path) -> float:
        """Start it and return the seconds until its first valid response."""
        self.port = _free_port()
        started = time.perf_counter()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [part.replace("{port}", str(self.port)) for part in self.command],
                env=os.environ | _ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        while time.perf_counter() - started < _START_SECONDS and self.process.poll() is None:
            try:
                response = httpx.post(self.url, content=body, headers=headers(), timeout=20)
                if response.status_code == 200 and len(response.json()["predictions"][0]) == 10:
                    return time.perf_counter() - started
            except httpx.HTTPError:
                pass
            time.sleep(0.01)
        raise SystemExit(f"{self.name} did not start; its log ends: {log.read_text()[-600:]}")

    def stop(self) -> None:
        """Stop it and all its processes."""
        if self.process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(self.process.pid, number)
                    self.process.wait(timeout=15)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
            self.process = None

    def settle(self) -> None:
        """Wait until it is idle, so that it does not disturb the next server's measurement."""
        until, before = time.monotonic() + _SETTLE_SECONDS, -1.0
        while time.monotonic() < until and (now := self._cpu_seconds()) - before > _IDLE_SECONDS:
            before = now
            time.sleep(0.5)

    def megabytes(self) -> float:
        """Return the resident memory of its largest process (of the endpoint, a worker)."""
        return max(member.memory_info().rss for member in self._processes()) / 2**20

    def _cpu_seconds(self) -> float:
        """Return the CPU seconds of all its processes."""
        seconds = 0.0
        for member in self._processes():
            with suppress(psutil.NoSuchProcess):  # it ended in the meantime
                seconds += sum(member.cpu_times()[:2])
        return seconds

    def _processes(self) -> list[psutil.Process]:
        assert self.process is not None
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]


def headers() -> dict[str, str]:
    """Return the headers of every request."""
    return {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}


def servers(bundle: Path, keras: Path) -> list[Server]:
    """Return the endpoint, the echo, MLflow with both flavors, and MLServer where installed.

    Each has one worker per core.
    """
    cores = len(os.sched_getaffinity(0))
    workers = ["--workers", str(cores)]
    stock = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    stock += [*workers, "--port", "{port}", "--model-uri"]
    endpoint = [sys.executable, "-m", "crosscloud_mnist.serving", "--port", "{port}", "--settings"]
    compared = [
        Server("endpoint", [*endpoint, str(_write_settings(bundle, cores))]),
        Server("echo", [sys.executable, "-m", "benchmarks.echo", "{port}", workers[1]]),
        Server("mlflow_onnx", [*stock, str(bundle)]),
        Server("mlflow_keras", [*stock, str(keras)]),
    ]
    if _MLSERVER.exists():
        compared.append(Server("mlserver", _mlserver(bundle, cores)))
    else:
        print("MLServer is not installed, it is left out; run make build/mlserver/.installed")
    return compared


def _write_settings(bundle: Path, workers: int) -> Path:
    folder = EndpointFolder(bundle.parent / "endpoint")
    folder.write(folder.settings, ServingSettings(name="mnist_cnn", workers=workers))
    folder.write(folder.request, SwapRequest("benchmark", "1", digest_of(bundle), bundle))
    return folder.settings


def _mlserver(bundle: Path, cores: int) -> list[str]:
    folder = bundle.parent / "mlserver"  # it loads every model below this folder
    folder.mkdir()
    settings = {
        "HOST": "127.0.0.1",
        "HTTP_PORT": "{port}",
        "GRPC_PORT": "0",
        "METRICS_PORT": "0",
        "PARALLEL_WORKERS": str(cores),
        "METRICS_DIR": str(folder / "metrics"),
        "ENVIRONMENTS_DIR": str(folder / "environments"),
        "MODEL_NAME": "mnist_cnn",
        "MODEL_IMPLEMENTATION": "mlserver_mlflow.MLflowRuntime",
        "MODEL_URI": str(bundle),
    }
    variables = [f"MLSERVER_{name}={value}" for name, value in settings.items()]
    return ["env", *variables, str(_MLSERVER), "start", str(folder)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
