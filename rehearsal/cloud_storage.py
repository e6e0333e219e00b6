"""The cloud storage of both workspaces as a process: Azure's and Google's, by their own addresses.

    python -m rehearsal.cloud_storage --folder DIR --port 8600

The port is that of a forward proxy (``tls_proxy``). The environment variable
``REHEARSAL_STORAGE_KEY`` is the key that tokens are verified with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Host, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rehearsal import data_lake, google_storage, presigned_storage
from rehearsal.google_storage import BUCKETS, start_emulator
from rehearsal.processes import free_port
from rehearsal.tls_proxy import TlsProxy


class RequestLog:
    """ASGI middleware: one line for each request, with its credential, method and status."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._app, self._file = app, path.open("a", buffering=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, and log it."""

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._file.write(f"{_credential(scope)} {scope['method']} {message['status']}\n")
            await send(message)

        await self._app(scope, receive, send_and_log if scope["type"] == "http" else send)


def _credential(scope: Scope) -> str:
    headers = dict(scope["headers"])
    if b".dfs." in headers[b"host"]:
        return "sas"
    return "gcs" if b"authorization" in headers else "presigned"


def application(key: str, emulator: str, log: Path) -> Starlette:
    """Return the storage, by host.

    Args:
        key: Tokens are signed with it.
        emulator: Address of the GCS emulator.
        log: File that every request is logged to.
    """
    app = Starlette(
        middleware=[Middleware(RequestLog, path=log)],
        routes=[
            Host("storage.googleapis.com", Router(google_storage.ROUTES)),
            Host("{account}.dfs.core.windows.net", Router(data_lake.ROUTES)),
            Host("{account}.blob.core.windows.net", Router(presigned_storage.ROUTES)),
        ],
    )
    app.state.key, app.state.emulator = key, emulator
    app.state.uploads = {}  # object names of resumable uploads, by id
    return app


async def _serve(folder: Path, port: int, key: str) -> None:
    emulator = start_emulator(folder / "gcs", BUCKETS)
    inner_port = free_port()
    proxy = await asyncio.start_server(TlsProxy(folder, inner_port).handle, "127.0.0.1", port)
    config = uvicorn.Config(
        application(key, emulator, folder / "requests.log"),
        host="127.0.0.1",
        port=inner_port,
        log_level="warning",
    )
    async with proxy:
        await uvicorn.Server(config).serve()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    arguments = parser.parse_args()
    key = os.environ.pop("REHEARSAL_STORAGE_KEY")
    asyncio.run(_serve(arguments.folder, arguments.port, key))


if __name__ == "__main__":
    main()
