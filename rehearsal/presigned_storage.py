"""Files at presigned URLs, and Azure's blobs, which Data Lake's client reads from."""

from __future__ import annotations

import re
import uuid
from email.utils import formatdate
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from rehearsal.storage_grants import Grant, verify_token

_RANGE = re.compile(r"bytes (\*|(\d+)-(\d+))/(\*|\d+)")


def find_grant(request: Request, *, writes: bool) -> Grant | Response:
    """Return what the signature in the URL allows, or the response that rejects the request."""
    if "authorization" in request.headers:  # the workspace's token must not reach the storage
        return _reject(400, "InvalidAuthenticationInfo", "Only one authentication is allowed.")
    query = request.query_params
    token = query.get("sig") or query.get("X-Goog-Signature") or ""
    grant = verify_token(request.app.state.key, token)
    if grant is None or not grant.allows(request.path_params["path"], writes=writes):
        return _reject(403, "AuthorizationPermissionMismatch", "The signature does not allow it.")
    return grant


async def put(request: Request) -> Response:
    """Write a file, or a chunk of a resumable upload, atomically."""
    grant = find_grant(request, writes=True)
    if isinstance(grant, Response):
        return grant
    file = grant.file(request.path_params["path"])
    if content_range := request.headers.get("content-range"):
        return await _put_chunk(file, content_range, await request.body())
    is_azure = "sig" in request.query_params
    if is_azure and request.headers.get("x-ms-blob-type") != "BlockBlob":
        return _reject(400, "MissingRequiredHeader", "x-ms-blob-type is required.")
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.parent / f".{uuid.uuid4().hex}"
    async with await anyio.open_file(temporary, "wb") as output:
        async for chunk in request.stream():
            await output.write(chunk)
    temporary.replace(file)
    return Response(status_code=201, headers={"etag": f'"{file.stat().st_mtime_ns:x}"'})


async def get(request: Request) -> Response:
    """Return a file, or a range of it."""
    grant = find_grant(request, writes=False)
    if isinstance(grant, Response):
        return grant
    file = grant.file(request.path_params["path"])
    if not file.is_file():
        return _reject(404, "BlobNotFound", "The specified blob does not exist.")
    return read_range(file, request)


async def delete(request: Request) -> Response:
    """Abort an upload."""
    grant = find_grant(request, writes=True)
    if isinstance(grant, Response):
        return grant
    grant.file(request.path_params["path"]).unlink(missing_ok=True)
    return Response(status_code=200)


def read_range(file: Path, request: Request) -> Response:
    """Return the range that the header ``Range`` or Azure's ``x-ms-range`` names."""
    size = file.stat().st_size
    headers = {
        "etag": f'"{file.stat().st_mtime_ns:x}"',
        "last-modified": formatdate(file.stat().st_mtime, usegmt=True),
        "x-ms-blob-type": "BlockBlob",
    }
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("x-ms-range", ""))
    if wanted is None:
        return FileResponse(file, headers=headers, media_type="application/octet-stream")
    start, end = int(wanted[1]), min(int(wanted[2] or size), size - 1)
    if start >= size:
        return _reject(416, "InvalidRange", "The range is not valid.")
    with file.open("rb") as stream:
        stream.seek(start)
        content = stream.read(end - start + 1)
    headers["content-range"] = f"bytes {start}-{end}/{size}"
    return Response(content, 206, headers, "application/octet-stream")


async def _put_chunk(file: Path, content_range: str, content: bytes) -> Response:
    """Append a chunk: https://cloud.google.com/storage/docs/performing-resumable-uploads."""
    match = _RANGE.fullmatch(content_range)
    if match is None:
        return _reject(400, "InvalidRange", content_range)
    partial = file.with_name(f".{file.name}.partial")
    received = partial.stat().st_size if partial.exists() else 0
    if match[2] is not None:
        if int(match[2]) != received:
            return _reject(400, "InvalidRange", f"{received} bytes are received.")
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as output:
            output.write(content)
        received += len(content)
    if match[4] == str(received):
        partial.replace(file)
        return Response(status_code=200)
    headers = {"range": f"bytes=0-{received - 1}"} if received else {}
    return Response(status_code=308, headers=headers)


def _reject(status: int, code: str, message: str) -> Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, {"x-ms-error-code": code}, "application/xml")


ROUTES = [
    Route("/{container}/{path:path}", put, methods=["PUT"]),
    Route("/{container}/{path:path}", get, methods=["GET"]),  # and HEAD
    Route("/{container}/{path:path}", delete, methods=["DELETE"]),
]
