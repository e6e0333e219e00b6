"""Where Unity Catalog keeps the files of a version, and the credentials that it gives for them."""

from __future__ import annotations

import time
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.google_storage import bucket_folder
from rehearsal.privileges import check_readable, require_owner
from rehearsal.storage_grants import issue_token
from rehearsal.unity_catalog_fields import PENDING, models_folder
from rehearsal.unity_catalog_store import version_of
from rehearsal.unity_catalog_switches import GCS, PRESIGNED, SAS, read_switches
from rehearsal.workspace import (
    ApiError,
    Fields,
    Workspace,
    read_fields,
    require_fields,
    workspace_of,
)

_LIFETIME_MS = 3_600_000


def location_of(workspace: Workspace, folder: str) -> str:
    """Return the address of a folder of models in the storage of the workspace's catalog."""
    if not workspace.storage_key:
        return f"dbfs:/{folder}"
    transport = read_switches(workspace.folder).transport
    if transport == GCS or (transport != SAS and workspace.name == "gcp"):
        return f"gs://{workspace.name}-models/{folder}"
    return f"abfss://models@{workspace.name}rehearsal.dfs.core.windows.net/{folder}"


def find_model_folder(workspace: Workspace, name: str, version: str) -> Path | None:
    """Return where the version's files are on this machine, once they are uploaded."""
    roots = [workspace.folder / "files"]
    if workspace.storage_folder:
        roots.append(bucket_folder(workspace.storage_folder / "gcs", f"{workspace.name}-models"))
    folders = (root / models_folder(name, version) for root in roots)
    return next((folder for folder in folders if (folder / "MLmodel").is_file()), None)


async def generate_credentials(request: Request) -> JSONResponse:
    """Give short-lived credentials for the files of one version."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, version = require_fields(fields, "name", "version")
    can_write = str(fields.get("operation", "")).endswith("READ_WRITE")
    found = await version_of(workspace, name, version)
    if can_write:
        await require_owner(request, name)
        if found["status"] != PENDING:
            message = "The files of a finalized model version are read-only."
            raise ApiError(403, "PERMISSION_DENIED", message)
    else:
        await check_readable(request, name)
    credentials = {
        **_credentials(workspace, models_folder(name, version), can_write=can_write),
        "expiration_time": int(time.time() * 1000) + _LIFETIME_MS,
    }
    return JSONResponse({"credentials": credentials})


def _credentials(workspace: Workspace, folder: str, *, can_write: bool) -> Fields:
    match read_switches(workspace.folder).transport:
        case transport if transport == PRESIGNED:
            return {"storage_mode": "DEFAULT_STORAGE"}
        case transport if transport == GCS:
            bucket = f"{workspace.name}-models"
            token = issue_token(workspace.storage_key, bucket, folder, can_write=can_write)
            return {"storage_mode": "CUSTOMER_HOSTED", "gcp_oauth_token": {"oauth_token": token}}
    root: Path = workspace.folder / "files"
    token = issue_token(workspace.storage_key, root.resolve(), folder, can_write=can_write)
    return {
        "storage_mode": "CUSTOMER_HOSTED",
        "azure_user_delegation_sas": {"sas_token": f"sv=2025-01-05&sr=d&sig={token}"},
    }


ROUTES = [
    Route(
        "/api/2.0/mlflow/unity-catalog/model-versions/generate-temporary-credentials",
        generate_credentials,
        methods=["POST"],
    ),
]
