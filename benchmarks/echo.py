"""The echo server of the comparison: the same HTTP stack, which parses JSON and returns constants.

It is written as Starlette's documentation writes a route.

``python -m benchmarks.echo PORT WORKERS``
"""

from __future__ import annotations

import sys

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def _echo(request: Request) -> Response:
    images = msgspec.json.decode(await request.body())["instances"]
    response = msgspec.json.encode({"predictions": [[0.1] * 10] * len(images)})
    return Response(response, media_type="application/json")


app = Starlette(routes=[Route("/invocations", _echo, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.echo:app",
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        http="crosscloud_mnist.serving.http.http_protocol:BoundedHttpProtocol",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_level="warning",
    )
