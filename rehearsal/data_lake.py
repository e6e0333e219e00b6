"""Azure Data Lake Storage, as far as MLflow's client uses it, over a folder.

https://learn.microsoft.com/en-us/rest/api/storageservices/data-lake-storage-gen2
"""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.presigned_storage import find_grant, read_range


async def create(request: Request) -> Response:
    """Create an empty file; one that exists is replaced."""
    grant = find_grant(request, writes=True)
    if isinstance(grant, Response):
        return grant
    file = grant.file(request.path_params["path"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    return _changed(file, 201)


async def update(request: Request) -> Response:
    """Append bytes at their position, or flush them."""
    grant = find_grant(request, writes=True)
    if isinstance(grant, Response):
        return grant
    file = grant.file(request.path_params["path"])
    if not file.exists():
        return _reject(404, "PathNotFound")
    position = int(request.query_params.get("position", 0))
    if request.query_params.get("action") == "append":
        with file.open("r+b") as output:
            output.seek(position)
            output.write(await request.body())
        return _changed(file, 202)
    if position != file.stat().st_size:
        return _reject(400, "InvalidFlushPosition")
    return _changed(file, 200)


async def read(request: Request) -> Response:
    """Return a file, or what is known of it."""
    grant = find_grant(request, writes=False)
    if isinstance(grant, Response):
        return grant
    path = grant.file(request.path_params["path"])
    if not path.exists():
        return _reject(404, "PathNotFound")
    if path.is_dir():
        return Response(headers={"x-ms-resource-type": "directory"})
    return read_range(path, request)


async def list_paths(request: Request) -> Response:
    """List one folder."""
    request.path_params["path"] = request.query_params.get("directory", "")
    grant = find_grant(request, writes=False)
    if isinstance(grant, Response):
        return grant
    folder = grant.file(request.path_params["path"])
    if not folder.exists():
        return _reject(404, "PathNotFound")
    children = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    return JSONResponse(
        {"paths": [_describe(child, Path(grant.root)) for child in children]},
    )


def _describe(path: Path, root: Path) -> dict[str, str]:
    described = {
        "name": path.relative_to(root).as_posix(),
        "lastModified": formatdate(path.stat().st_mtime, usegmt=True),
        "contentLength": str(0 if path.is_dir() else path.stat().st_size),
    }
    return {**described, "isDirectory": "true"} if path.is_dir() else described


def _changed(file: Path, status: int) -> Response:
    headers = {
        "etag": f'"{file.stat().st_mtime_ns:x}"',
        "last-modified": formatdate(file.stat().st_mtime, usegmt=True),
    }
    return Response(status_code=status, headers=headers)


def _reject(status: int, code: str) -> Response:
    error = {"error": {"code": code, "message": code}}
    return JSONResponse(error, status, {"x-ms-error-code": code})


ROUTES = [
    Route("/{container}", list_paths),
    Route("/{container}/{path:path}", create, methods=["PUT"]),
    Route("/{container}/{path:path}", update, methods=["PATCH"]),
    Route("/{container}/{path:path}", read, methods=["GET"]),  # and HEAD
]
