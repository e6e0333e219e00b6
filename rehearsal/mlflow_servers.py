"""Two real MLflow servers that ask for a password, as two workspaces would; tests use them too."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

_START_SECONDS = 180
_AUTH = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/auth.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 300
"""


@dataclass(frozen=True)
class Server:
    """One server: its own database, artifacts, user and password.

    Attributes:
        folder: Everything that it stores.
        port: Of 127.0.0.1.
        user: Its administrator.
        password: Of that user; made here, known to nothing else.
    """

    folder: Path
    port: int
    user: str = "promoter"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "server.log"

    @property
    def credentials(self) -> dict[str, str]:
        """The variables that MLflow's client takes."""
        return {"MLFLOW_TRACKING_USERNAME": self.user, "MLFLOW_TRACKING_PASSWORD": self.password}


@contextmanager
def two_servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Start two at the same time, and end each with all that it started."""
    servers = [Server(folder / name, free_port()) for name in ("sandbox", "production")]
    with ExitStack() as stack:
        processes = [(server, stack.enter_context(_process(server))) for server in servers]
        for server, process in processes:
            _await(server, process)
        yield servers[0], servers[1]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    server.folder.mkdir(parents=True)
    ini = server.folder / "auth.ini"
    ini.write_text(_AUTH.format(folder=server.folder, user=server.user, password=server.password))
    foreign = ("MLFLOW_", "DATABRICKS_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | {
        "MLFLOW_AUTH_CONFIG_PATH": str(ini),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
                *("--host", "127.0.0.1", "--port", str(server.port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{server.folder}/mlflow.db"),
                *("--artifacts-destination", str(server.folder / "artifacts")),
            ],
            env=environment,
            cwd=server.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(15)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def _await(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{server.address}/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"{server.address} does not answer; see {server.log}")
