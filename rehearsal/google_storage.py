"""Google Cloud Storage: a token is verified, then gcp-storage-emulator handles the request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

import httpx
from gcp_storage_emulator.server import create_server
from gcp_storage_emulator.settings import STORAGE_DIR
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal import presigned_storage
from rehearsal.processes import free_port
from rehearsal.storage_grants import verify_token

BUCKETS = ("azure-models", "gcp-models")
_OBJECT = re.compile(r"/(?:upload/|download/)?storage/v1/b/([^/]+)/o(?:/(.+))?")
_KEPT = ("content-type", "content-range", "x-upload-content-type", "x-upload-content-length")


def start_emulator(folder: Path, buckets: Iterable[str]) -> str:
    """Start the emulator in a thread, and return its address."""
    port = free_port()
    create_server("127.0.0.1", port, data_dir=str(folder)).start()
    address = f"http://127.0.0.1:{port}"
    for bucket in buckets:
        created = httpx.post(f"{address}/storage/v1/b?project=rehearsal", json={"name": bucket})
        created.raise_for_status()
    return address


def bucket_folder(folder: Path, bucket: str) -> Path:
    """Return where the emulator keeps the objects of a bucket."""
    return folder / STORAGE_DIR / bucket


async def forward(request: Request) -> Response:
    """Check the token, and hand the request on to the emulator."""
    if "X-Goog-Signature" in request.query_params:
        return await _use_presigned(request)
    if "authorization" not in request.headers:
        return await _read_public(request)
    content = await request.body()
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    grant = verify_token(request.app.state.key, token)
    if grant is None:
        return _reject(401, "Invalid Credentials")
    match = _OBJECT.fullmatch(request.url.path)
    writes = request.method in ("POST", "PUT", "PATCH", "DELETE")
    path = _object_name(request, match, content) if match else ""
    if match is None or match[1] != grant.root or not grant.allows(path, writes=writes):
        return _reject(403, "The token does not have storage.objects access to the object.")
    async with httpx.AsyncClient(timeout=60) as http:
        response = await http.request(
            request.method,
            f"{request.app.state.emulator}{request.url.path}?{request.url.query}",
            content=content,
            headers={name: request.headers[name] for name in _KEPT if name in request.headers},
        )
    headers = {name: response.headers[name] for name in ("range",) if name in response.headers}
    if location := response.headers.get("location"):
        url = httpx.URL(location)
        request.app.state.uploads[url.params["upload_id"]] = path
        headers["location"] = f"https://storage.googleapis.com{url.raw_path.decode()}"
    return Response(
        response.content, response.status_code, headers, response.headers.get("content-type")
    )


def _object_name(request: Request, match: re.Match[str], content: bytes) -> str:
    """Return the object that the request is about, or the prefix that it lists."""
    if match[2]:
        return unquote(match[2])
    query = request.query_params
    if name := query.get("name") or query.get("prefix"):
        return name
    if "upload_id" in query:  # the upload was begun with a token for the same object
        return str(request.app.state.uploads.get(query["upload_id"], ""))
    found = re.search(rb'"name": *"([^"]+)"', content[:4096])
    return found[1].decode() if found else ""


async def _read_public(request: Request) -> Response:
    """Return a public object of the real service, such as a file of MNIST's mirror."""
    async with httpx.AsyncClient(timeout=60) as http:
        response = await http.request(
            request.method, f"https://storage.googleapis.com{request.url.path}"
        )
    return Response(response.content, response.status_code)


async def _use_presigned(request: Request) -> Response:
    _, _, path = request.url.path.removeprefix("/").partition("/")
    request.path_params["path"] = unquote(path)
    handler = {
        "PUT": presigned_storage.put,
        "DELETE": presigned_storage.delete,
    }.get(request.method, presigned_storage.get)
    return await handler(request)


def _reject(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": status, "message": message}}, status)


ROUTES = [Route("/{path:path}", forward, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
