"""One workspace as a process: the gateway, and the MLflow server behind it.

    python -m rehearsal.gateway --name azure --folder DIR --port 8601

The identities come from the environment (``REHEARSAL_IDENTITIES``, JSON: see ``tokens``). Every
process that it starts is in its process group.
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

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rehearsal import (
    file_transfers,
    files_api,
    grants_api,
    identity,
    model_storage,
    secret_scopes,
    serving_endpoints,
    share,
    tracking,
    unity_catalog,
)
from rehearsal.middleware import Faults, Gateway, RequestLog
from rehearsal.processes import free_port, mlflow_server
from rehearsal.serving_endpoint import Endpoints
from rehearsal.shared_catalog import SharedCatalogs
from rehearsal.tokens import LIFETIME_SECONDS, from_json
from rehearsal.workspace import ApiError, Workspace, error_response

SCHEMAS = frozenset({"data_masters.train", "data_masters.staging", "data_masters.deploy"})
_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Connection(HttpToolsProtocol):
    """A connection that the application can abort, to inject that fault."""

    def on_message_begin(self) -> None:
        """Give the application a function that aborts the connection."""
        super().on_message_begin()
        self.scope["rehearsal.cut"] = self.transport.abort


def application(workspace: Workspace) -> Starlette:
    """Return the gateway of one workspace."""
    middleware = Middleware(
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
            *grants_api.ROUTES,
            *model_storage.ROUTES,
            *tracking.ROUTES,
            *file_transfers.ROUTES,
            *files_api.ROUTES,
            *serving_endpoints.ROUTES,
            *share.ROUTES,
            Route("/{path:path}", identity.unknown_path, methods=_ALL),
        ],
        middleware=[middleware, Middleware(SharedCatalogs, workspace=lambda: workspace)],
        exception_handlers={ApiError: error_response},
        lifespan=lifespan,
    )
    app.state.workspace = workspace
    app.state.endpoints = Endpoints()
    app.state.mounts = {}
    return app


def main() -> None:
    """Serve one workspace until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--workspace-id", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--storage-folder", type=Path, help="of the cloud storage")
    parser.add_argument(
        "--token-seconds",
        type=float,
        default=LIFETIME_SECONDS,
        help="how long an OAuth token is valid",
    )
    parser.add_argument(
        "--unified", action="store_true", help="other workspaces share the host: a request names it"
    )
    parser.add_argument("--end-with-stdin", action="store_true", help="end when stdin is closed")
    arguments = parser.parse_args()
    if arguments.end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    host = f"http://127.0.0.1:{arguments.port}"
    identities = os.environ.pop("REHEARSAL_IDENTITIES")
    storage_key = os.environ.pop("REHEARSAL_STORAGE_KEY", "")
    (arguments.folder / "files").mkdir(parents=True, exist_ok=True)
    address, server = mlflow_server(arguments.folder, free_port(), tracking.ARTIFACTS)
    workspace = Workspace(
        name=arguments.name,
        workspace_id=arguments.workspace_id,
        host=host,
        folder=arguments.folder,
        tokens=from_json(identities, host, arguments.token_seconds),
        schemas=SCHEMAS,
        tracking=httpx.AsyncClient(base_url=address, timeout=60),
        is_unified=arguments.unified,
        storage_folder=arguments.storage_folder,
        storage_key=storage_key,
    )
    try:
        uvicorn.run(
            application(workspace),
            host="127.0.0.1",
            port=arguments.port,
            http=Connection,
            lifespan="on",
            log_level="warning",
        )
    finally:
        server.terminate()


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    main()
