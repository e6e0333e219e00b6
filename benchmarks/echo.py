"""What is compared with: our HTTP stack, which parses the same JSON and answers constant floats.

It is written as Starlette's users write a route; ours saves some of what that costs.

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
    answer = msgspec.json.encode({"predictions": [[0.1] * 10] * len(images)})
    return Response(answer, media_type="application/json")


app = Starlette(routes=[Route("/invocations", _echo, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.echo:app",
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        http="crosscloud_mnist.serving.http.http_protocol:Protocol",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_level="warning",
    )
