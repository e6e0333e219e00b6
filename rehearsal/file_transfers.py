"""Large files of the Files API: presigned URLs, multipart uploads, resumable uploads on GCP.

databricks-sdk uploads a file of 50 MB or more in parts (``config.py``,
``files_ext_multipart_upload_min_stream_size``), and downloads every file from a presigned URL
(``mixins/files.py``).
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.files_api import check_writable, resolve_path
from rehearsal.storage_grants import issue_token
from rehearsal.workspace import (
    ApiError,
    Fields,
    Workspace,
    invalid_value,
    read_fields,
    require_fields,
    workspace_of,
)

_FS = "/api/2.0/fs/"
_PARTS = "uploads"  # folder of the parts of unfinished uploads


async def start_or_complete(request: Request) -> JSONResponse:
    """Begin an upload in parts, or join the parts."""
    path = request.path_params["path"]
    target = resolve_path(request, path)
    await check_writable(request, path)
    workspace = workspace_of(request)
    if request.query_params.get("action") == "initiate-upload":
        _require_storage(workspace)
        kind = "resumable_upload" if workspace.name == "gcp" else "multipart_upload"
        return JSONResponse({kind: {"session_token": secrets.token_hex(8)}})
    folder = _folder_of(workspace, request.query_params.get("session_token", ""))
    parts = (await read_fields(request)).get("parts", [])
    temporary = folder / "joined"
    with temporary.open("wb") as output:
        for part in parts:
            with (folder / str(part["part_number"])).open("rb") as content:
                shutil.copyfileobj(content, output)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(target)
    shutil.rmtree(folder)
    return JSONResponse({})


async def create_part_urls(request: Request) -> JSONResponse:
    """Give a presigned URL for each part of an upload."""
    workspace, fields = workspace_of(request), await read_fields(request)
    (session,) = require_fields(fields, "session_token")
    first, count = int(fields["start_part_number"]), int(fields["count"])
    _folder_of(workspace, session).mkdir(parents=True, exist_ok=True)
    urls = [
        {"part_number": number, **_part_url(workspace, session, str(number))}
        for number in range(first, first + count)
    ]
    return JSONResponse({"upload_part_urls": urls})


async def create_resumable_url(request: Request) -> JSONResponse:
    """Give a presigned URL that takes a file in chunks."""
    (path,) = require_fields(await read_fields(request), "path")
    await check_writable(request, path)
    url = _presigned_url(workspace_of(request), path.strip("/"), can_write=True)
    return JSONResponse({"resumable_upload_url": url})


async def create_abort_url(request: Request) -> JSONResponse:
    """Give a presigned URL that ends an upload."""
    (session,) = require_fields(await read_fields(request), "session_token")
    return JSONResponse({"abort_upload_url": _part_url(workspace_of(request), session, "joined")})


async def create_upload_url(request: Request) -> JSONResponse:
    """Give a presigned URL that takes a file at once."""
    (path,) = require_fields(await read_fields(request), "path")
    resolve_path(request, path.strip("/"))
    await check_writable(request, path)
    return JSONResponse(_presigned_url(workspace_of(request), path.strip("/"), can_write=True))


async def create_download_url(request: Request) -> JSONResponse:
    """Give a presigned URL of a file."""
    (path,) = require_fields(await read_fields(request), "path")
    if not resolve_path(request, path.strip("/")).is_file():
        raise ApiError(404, "NOT_FOUND", "The file being accessed is not found.")
    return JSONResponse(_presigned_url(workspace_of(request), path.strip("/"), can_write=False))


def _folder_of(workspace: Workspace, session: str) -> Path:
    if not session.isalnum():
        raise invalid_value("session_token is not valid.")
    return workspace.folder / _PARTS / session


def _part_url(workspace: Workspace, session: str, part: str) -> Fields:
    return _sign_url(workspace, workspace.folder / _PARTS, f"{session}/{part}", can_write=True)


def _presigned_url(workspace: Workspace, path: str, *, can_write: bool) -> Fields:
    return _sign_url(workspace, workspace.folder / "files", path, can_write=can_write)


def _sign_url(workspace: Workspace, root: Path, path: str, *, can_write: bool) -> Fields:
    """Return a URL in the cloud of the workspace, and the headers that it must be used with."""
    _require_storage(workspace)
    token = issue_token(workspace.storage_key, root.resolve(), path, can_write=can_write)
    if workspace.name == "gcp":
        address = "https://storage.googleapis.com/gcp-files"
        return {"url": f"{address}/{quote(path)}?X-Goog-Signature={token}", "headers": []}
    address = f"https://{workspace.name}rehearsal.blob.core.windows.net/files"
    headers = [{"name": "x-ms-blob-type", "value": "BlockBlob"}] if can_write else []
    return {"url": f"{address}/{quote(path)}?sv=2025-01-05&sig={token}", "headers": headers}


def _require_storage(workspace: Workspace) -> None:
    """Check that a cloud storage was started.

    Raises:
        ApiError: Presigned URLs are disabled, as in a workspace whose storage has a firewall.
    """
    if not workspace.storage_key:
        raise ApiError(403, "PERMISSION_DENIED", "Presigned URLs API is not enabled")


ROUTES = [
    Route(f"{_FS}files/{{path:path}}", start_or_complete, methods=["POST"]),
    Route(f"{_FS}create-upload-part-urls", create_part_urls, methods=["POST"]),
    Route(f"{_FS}create-resumable-upload-url", create_resumable_url, methods=["POST"]),
    Route(f"{_FS}create-abort-upload-url", create_abort_url, methods=["POST"]),
    Route(f"{_FS}create-upload-url", create_upload_url, methods=["POST"]),
    Route(f"{_FS}create-download-url", create_download_url, methods=["POST"]),
]
