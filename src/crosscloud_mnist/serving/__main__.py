"""Serve a bundle: ``python -m crosscloud_mnist.serving --bundle DIR --name N --version V``."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from crosscloud_mnist.errors import CrosscloudError, EndpointError

TOKEN = "MNIST_ENDPOINT_TOKEN"  # noqa: S105  the variable's name
_MOST_CONNECTIONS = 256  # more are answered 503
_DRAIN_SECONDS = 10


def main() -> int:
    """Prove the bundle on its golden set, then serve it until SIGTERM, which drains."""
    arguments = _arguments()
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(message)s")
    try:
        _serve(arguments)
    except CrosscloudError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201  a command line's own message
        return 1
    return 0


def _serve(arguments: argparse.Namespace) -> None:
    import uvicorn

    from crosscloud_mnist.serving.app import create_app
    from crosscloud_mnist.serving.model import ServedModel

    model = ServedModel(arguments.bundle, arguments.name, arguments.version)
    model.prove()
    config = uvicorn.Config(
        create_app(model, os.environ.get(TOKEN)),
        access_log=False,
        log_level="warning",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        server_header=False,
    )
    listener = _listen(arguments.host, arguments.port)
    if arguments.ready:
        arguments.ready.touch()
    uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Open the port so that a successor can open it too, and take over without a gap."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        raise EndpointError(
            f"{host}:{port} cannot be opened ({error.strerror}), expected a free port; stop what "
            "listens there, or set another in the globals"
        ) from error
    return listener


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crosscloud_mnist.serving", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--ready", type=Path, help="file to make once the port is open")
    parser.add_argument("--log-level", default="info", choices=["info", "warning"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
