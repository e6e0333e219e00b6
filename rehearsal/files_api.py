"""The Files API: https://docs.databricks.com/api/workspace/files, over a folder."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from rehearsal.unity_catalog_store import version_of
from rehearsal.unity_catalog_switches import read_switches
from rehearsal.workspace import ApiError, invalid_value, not_found, read_fields, workspace_of

_ROOTS = ("Volumes", "Models", "WorkspaceInternal")
_MODEL = re.compile(r"Models/([^/]+)/([^/]+)/([^/]+)/(\d+)/.+")


async def upload(request: Request) -> Response:
    """Write a file atomically."""
    path = resolve_path(request, request.path_params["path"])
    await check_writable(request, request.path_params["path"])
    if path.is_file() and request.query_params.get("overwrite", "").lower() != "true":
        raise ApiError(409, "RESOURCE_ALREADY_EXISTS", "The file being created already exists.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = workspace_of(request).folder / "files" / f".{uuid.uuid4().hex}"
    try:
        await _write(temporary, request.stream())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Response(status_code=204)


async def download(request: Request) -> Response:
    """Return a file, or a range of it."""
    path = resolve_path(request, request.path_params["path"])
    if not path.is_file():
        raise ApiError(404, "NOT_FOUND", "The file being accessed is not found.")
    return FileResponse(path, media_type="application/octet-stream")


async def delete(request: Request) -> Response:
    """Remove a file."""
    path = resolve_path(request, request.path_params["path"])
    await check_writable(request, request.path_params["path"])
    if not path.is_file():
        raise ApiError(404, "NOT_FOUND", "The file being deleted is not found.")
    path.unlink()
    return Response(status_code=204)


async def list_directory(request: Request) -> Response:
    """List a directory, page by page."""
    folder = _directory(request)
    first = int((await read_fields(request)).get("page_token") or 0)
    next_page = first + read_switches(workspace_of(request).folder).max_page_size
    children = sorted(folder.iterdir())
    root = workspace_of(request).folder / "files"
    contents = [
        {
            "path": f"/{each.relative_to(root).as_posix()}",
            "name": each.name,
            "is_directory": each.is_dir(),
            "last_modified": int(each.stat().st_mtime * 1000),
            **({} if each.is_dir() else {"file_size": each.stat().st_size}),
        }
        for each in children[first:next_page]
    ]
    token = {"next_page_token": str(next_page)} if next_page < len(children) else {}
    return JSONResponse({"contents": contents, **token})


async def directory_metadata(request: Request) -> Response:
    """Return whether a directory exists, and when it changed."""
    modified = formatdate(_directory(request).stat().st_mtime, usegmt=True)
    return Response(headers={"last-modified": modified})


async def create_directory(request: Request) -> Response:
    """Create a directory, and its parents."""
    resolve_path(request, request.path_params["path"]).mkdir(parents=True, exist_ok=True)
    return Response(status_code=204)


def resolve_path(request: Request, path: str) -> Path:
    """Return where the path of a volume, a model or the workspace's artifacts is on this machine.

    Raises:
        ApiError: It is no such path.
    """
    parts = path.split("/")
    if parts[0] not in _ROOTS or any(part in ("", ".", "..") for part in parts):
        raise invalid_value(
            f"Invalid path: /{path}; it must begin with one of /{', /'.join(_ROOTS)}."
        )
    return workspace_of(request).folder / "files" / path


def _directory(request: Request) -> Path:
    path = resolve_path(request, request.path_params["path"].rstrip("/"))
    if not path.is_dir():
        raise ApiError(404, "NOT_FOUND", "The directory being accessed is not found.")
    return path


async def check_writable(request: Request, path: str) -> None:
    """Check that the path is not a file of a finalized model version.

    Raises:
        ApiError: It is, or its model version does not exist.
    """
    path = path.strip("/")
    if not path.startswith("Models/"):
        return
    model = _MODEL.fullmatch(path)
    if model is None:
        raise not_found(f"Model version of /{path}")
    *levels, version = model.groups()
    found = await version_of(workspace_of(request), ".".join(levels), version)
    if found["status"] != "PENDING_REGISTRATION":
        message = "The files of a finalized model version are read-only."
        raise ApiError(403, "PERMISSION_DENIED", message)


async def _write(path: Path, content: AsyncIterator[bytes]) -> None:
    async with await anyio.open_file(path, "wb") as file:
        async for chunk in content:
            await file.write(chunk)


ROUTES = [
    Route("/api/2.0/fs/files/{path:path}", download, methods=["GET"]),  # and HEAD
    Route("/api/2.0/fs/files/{path:path}", upload, methods=["PUT"]),
    Route("/api/2.0/fs/files/{path:path}", delete, methods=["DELETE"]),
    Route("/api/2.0/fs/directories/{path:path}", directory_metadata, methods=["HEAD"]),
    Route("/api/2.0/fs/directories/{path:path}", list_directory, methods=["GET"]),
    Route("/api/2.0/fs/directories/{path:path}", create_directory, methods=["PUT"]),
]
