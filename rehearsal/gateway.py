"""One workspace as a process: the gateway, the MLflow server behind it, and what they start.

    python -m rehearsal.gateway --name azure --folder DIR --port 8601

The tokens come from the environment (``REHEARSAL_TOKEN``, ``REHEARSAL_CLIENT_ID``,
``REHEARSAL_CLIENT_SECRET``). Everything it starts stays in its process group.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rehearsal import (
    files_api,
    identity,
    secret_scopes,
    serving_endpoints,
    tracking,
    unity_catalog,
)
from rehearsal.middleware import Faults, Gateway, RequestLog
from rehearsal.processes import free_port, mlflow_server
from rehearsal.tokens import LIFETIME_SECONDS, Tokens
from rehearsal.workspace import RefusedError, Workspace, refused

SCHEMAS = frozenset({"data_masters.train", "data_masters.deploy"})
_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Connection(HttpToolsProtocol):
    """A connection that the application can cut, to inject that fault."""

    def on_message_begin(self) -> None:
        """Hand the application what cuts the connection."""
        super().on_message_begin()
        self.scope["rehearsal.cut"] = self.transport.abort


def application(workspace: Workspace) -> Starlette:
    """Return the gateway of one workspace."""
    door = Middleware(
        Gateway,
        workspace=lambda: workspace,
        request_log=RequestLog(workspace.folder / "requests.jsonl", workspace.name),
        faults=Faults(workspace.folder / "faults.json"),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        endpoints = app.state.endpoints.values()
        await asyncio.gather(*(endpoint.close() for endpoint in endpoints))
        await workspace.tracking.aclose()

    app = Starlette(
        routes=[
            *identity.ROUTES,
            *secret_scopes.ROUTES,
            *unity_catalog.ROUTES,
            *tracking.ROUTES,
            *files_api.ROUTES,
            *serving_endpoints.ROUTES,
            Route("/{path:path}", identity.unknown, methods=_ALL),
        ],
        middleware=[door],
        exception_handlers={RefusedError: refused},
        lifespan=lifespan,
    )
    app.state.workspace = workspace
    app.state.endpoints = {}
    return app


def main() -> None:
    """Serve one workspace until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--number", required=True, help="the workspace id")
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--lifetime", type=float, default=LIFETIME_SECONDS, help="of OAuth tokens")
    parser.add_argument("--tied", action="store_true", help="end when the standard input closes")
    given = parser.parse_args()
    if given.tied:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    taken = {name: os.environ.pop(f"REHEARSAL_{name}") for name in ("TOKEN", *_PRINCIPAL)}
    (given.folder / "files").mkdir(parents=True, exist_ok=True)
    address, server = mlflow_server(given.folder, free_port(), tracking.ARTIFACTS)
    workspace = Workspace(
        name=given.name,
        workspace_id=given.number,
        host=f"http://127.0.0.1:{given.port}",
        folder=given.folder,
        tokens=Tokens(taken["TOKEN"], *(taken[each] for each in _PRINCIPAL), given.lifetime),
        schemas=SCHEMAS,
        tracking=httpx.AsyncClient(base_url=address, timeout=60),
    )
    options: dict[str, Any] = {"log_level": "warning", "http": Connection, "lifespan": "on"}
    try:
        uvicorn.run(application(workspace), host="127.0.0.1", port=given.port, **options)
    finally:
        server.terminate()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGTERM)


_PRINCIPAL = ("CLIENT_ID", "CLIENT_SECRET")


if __name__ == "__main__":
    main()
