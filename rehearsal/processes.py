"""The processes of a rehearsal: started, waited for, and ended by their number."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

_START_SECONDS = 240
_STOP_SECONDS = 15


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def mlflow_server(folder: Path, port: int, artifacts: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start an MLflow server and return its address once it answers.

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
    await_answer(f"{address}/health", server, log)
    return address, server


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what MLflow or Databricks would read there."""
    foreign = ("MLFLOW_", "DATABRICKS_", "REHEARSAL_", "MNIST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the address answers.

    Raises:
        RuntimeError: The process ended, or did not answer in time.
    """
    until = time.monotonic() + _START_SECONDS
    with httpx.Client(verify=False) as http:  # noqa: S501  loopback, without TLS
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get(url).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.3)
    process.kill()
    raise RuntimeError(f"{url} does not answer, expected it in {_START_SECONDS} s; see {log}")


def end_group(pid: int) -> None:
    """End a process that leads a group, and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < until and _group_runs(pid):
            time.sleep(0.05)


def _group_runs(pid: int) -> bool:
    """Whether a process of the group is left that is no zombie: proc(5), fields 3 and 5."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(group) == pid and state != "Z":
            return True
    return False
