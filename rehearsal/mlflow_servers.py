"""Two MLflow servers with passwords, which stand for two workspaces in tests and benchmarks."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.processes import await_ready, clean_environment, end_group, free_port

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
    """One server with its own database, artifacts, user and password.

    Attributes:
        folder: Holds everything that it stores.
        port: Its port on 127.0.0.1.
        user: Its administrator.
        password: That user's, generated here.
    """

    folder: Path
    port: int
    user: str = "promoter"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """File of its output."""
        return self.folder / "server.log"

    @property
    def credentials(self) -> dict[str, str]:
        """The environment variables of MLflow's client."""
        return {"MLFLOW_TRACKING_USERNAME": self.user, "MLFLOW_TRACKING_PASSWORD": self.password}


@contextmanager
def two_servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """Start two servers at once, and end them at the end of the block."""
    servers = [Server(folder / name, free_port()) for name in ("sandbox", "production")]
    with ExitStack() as stack:
        processes = [(server, stack.enter_context(_process(server))) for server in servers]
        for server, process in processes:
            await_ready(f"{server.address}/health", process, server.log)
        yield servers[0], servers[1]


@contextmanager
def _process(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    server.folder.mkdir(parents=True)
    ini = server.folder / "auth.ini"
    ini.write_text(_AUTH.format(folder=server.folder, user=server.user, password=server.password))
    environment = clean_environment() | {
        "MLFLOW_AUTH_CONFIG_PATH": str(ini),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
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
        end_group(process.pid)
        process.wait()
