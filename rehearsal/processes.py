"""Processes of a rehearsal: started, awaited, and ended with their process group."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

NO_TELEMETRY = {  # nothing leaves the machine: MLflow, ONNX Runtime, Kedro
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "true",
}
_START_SECONDS = 240
_STOP_SECONDS = 15


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def mlflow_server(folder: Path, port: int, artifacts: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start an MLflow server and return its address once it is ready.

    Raises:
        RuntimeError: It did not start.
    """
    address = f"http://127.0.0.1:{port}"
    log = folder / "mlflow.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", str(port)),
                *("--backend-store-uri", f"sqlite:///{folder.resolve()}/mlflow.db"),
                *("--default-artifact-root", artifacts, "--no-serve-artifacts"),
            ],
            env={**clean_environment(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    await_ready(f"{address}/health", server, log)
    return address, server


def clean_environment() -> dict[str, str]:
    """Return this process's environment without MLflow's and Databricks' variables.

    Telemetry of every library is switched off.
    """
    foreign = ("MLFLOW_", "DATABRICKS_", "REHEARSAL_", "MNIST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **NO_TELEMETRY}


def await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the URL answers with success.

    Raises:
        RuntimeError: The process ended, or did not answer in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(verify=False) as http:  # noqa: S501  loopback, without TLS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.get(url).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.3)
    process.kill()
    raise RuntimeError(
        f"{url} does not answer, expected it to within {_START_SECONDS} s; see {log}"
    )


def end_group(group: int) -> None:
    """End a process group: with SIGTERM, then with SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and _is_running(group):
            time.sleep(0.05)


def _is_running(group: int) -> bool:
    """Whether the process group has a process that is not a zombie."""
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False
