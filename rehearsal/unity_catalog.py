"""Unity Catalog's model registry, stored in the MLflow server's registry.

What the open-source registry lacks is stored in tags that this module hides: a version is *pending*
until it is finalized, and from then on its files are read-only.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.unity_catalog_fields import (
    PENDING,
    READY,
    SOURCE,
    STATUS,
    check_tags,
    models_folder,
    to_model,
    to_version,
)
from rehearsal.workspace import (
    ApiError,
    Fields,
    Workspace,
    invalid_value,
    not_found,
    read_fields,
    require_fields,
    workspace_of,
)

_OPEN = "/api/2.0/mlflow/"
_UC = "/api/2.0/mlflow/unity-catalog/"
_LEVELS = 3


async def create_model(request: Request) -> JSONResponse:
    """Create a registered model in an existing schema."""
    workspace, fields = workspace_of(request), await read_fields(request)
    (name,) = require_fields(fields, "name")
    if len(name.split(".")) != _LEVELS:
        raise invalid_value(f"Model name '{name}' is not valid; specify all three levels.")
    if name.rpartition(".")[0] not in workspace.schemas:
        raise not_found(f"Schema '{name.rpartition('.')[0]}'")
    check_tags(fields.get("tags", []))
    response = await _request(workspace, "POST", "registered-models/create", fields)
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def get_model(request: Request) -> JSONResponse:
    """Return a registered model with its aliases."""
    response = await _request(
        workspace_of(request), "GET", "registered-models/get", await read_fields(request)
    )
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def update_model(request: Request) -> JSONResponse:
    """Change the description."""
    response = await _request(
        workspace_of(request), "PATCH", "registered-models/update", await read_fields(request)
    )
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def create_version(request: Request) -> JSONResponse:
    """Create a version, which is pending until its files are uploaded and it is finalized."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, source = require_fields(fields, "name", "source")
    tags = fields.get("tags", [])
    check_tags(tags)
    tags = [*tags, {"key": STATUS, "value": PENDING}, {"key": SOURCE, "value": source}]
    body = {"name": name, "source": f"dbfs:/Models/{name}", "tags": tags}
    kept = {key: fields[key] for key in ("run_id", "description") if fields.get(key)}
    response = await _request(workspace, "POST", "model-versions/create", {**body, **kept})
    return JSONResponse({"model_version": to_version(response["model_version"])})


async def finalize_version(request: Request) -> JSONResponse:
    """Make the version ready, once its files are uploaded."""
    workspace = workspace_of(request)
    name, version = require_fields(await read_fields(request), "name", "version")
    if not any((workspace.folder / "files" / models_folder(name, version)).rglob("MLmodel")):
        raise invalid_value(f"Model version {name} {version} has no MLmodel file.")
    tag = {"name": name, "version": version, "key": STATUS, "value": READY}
    await _request(workspace, "POST", "model-versions/set-tag", tag)
    found = await version_of(workspace, name, version)
    return JSONResponse({"model_version": found})


async def get_version(request: Request) -> JSONResponse:
    """Return a version."""
    name, version = require_fields(await read_fields(request), "name", "version")
    return JSONResponse({"model_version": await version_of(workspace_of(request), name, version)})


async def search_versions(request: Request) -> JSONResponse:
    """List a model's versions; as in the service, without tags and aliases."""
    workspace, fields = workspace_of(request), await read_fields(request)
    if not re.fullmatch(r"\s*name\s*=\s*(['\"])[^'\"]+\1\s*", fields.get("filter", "")):
        raise invalid_value("Only a filter of the form \"name = 'model'\" is supported.")
    response = await _request(workspace, "GET", "model-versions/search", fields)
    found = [to_version(each) for each in response.get("model_versions", [])]
    listed = [{k: v for k, v in each.items() if k not in ("tags", "aliases")} for each in found]
    return JSONResponse({**response, "model_versions": listed})


async def download_uri(request: Request) -> JSONResponse:
    """Return where a version's files are."""
    name, version = require_fields(await read_fields(request), "name", "version")
    await version_of(workspace_of(request), name, version)
    return JSONResponse({"artifact_uri": f"dbfs:/{models_folder(name, version)}"})


async def get_version_by_alias(request: Request) -> JSONResponse:
    """Return the version that an alias points to."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, alias = require_fields(fields, "name", "alias")
    try:
        response = await _request(workspace, "GET", "registered-models/alias", fields)
    except ApiError:
        raise not_found(f"Alias '{alias}' of '{name}'") from None
    found = to_version(response["model_version"])
    return JSONResponse({"model_version": await version_of(workspace, name, found["version"])})


async def set_version_tag(request: Request) -> JSONResponse:
    """Set a tag that Unity Catalog allows."""
    fields = await read_fields(request)
    check_tags([fields])
    await _request(workspace_of(request), "POST", "model-versions/set-tag", fields)
    return JSONResponse({})


async def sdk_repository(_request: Request) -> JSONResponse:
    """Tell the client to upload and download files through the Files API."""
    return JSONResponse({"is_databricks_sdk_models_artifact_repository_enabled": True})


async def emit_lineage(_request: Request) -> JSONResponse:
    """Accept lineage, and discard it."""
    return JSONResponse({})


async def version_of(workspace: Workspace, name: str, version: str) -> Fields:
    """Return a version as Unity Catalog describes it.

    Raises:
        ApiError: It does not exist.
    """
    fields = {"name": name, "version": version}
    response = await _request(workspace, "GET", "model-versions/get", fields)
    return to_version(response["model_version"])


async def _request(workspace: Workspace, method: str, path: str, fields: Fields) -> Fields:
    sent = {"params": fields} if method == "GET" else {"json": fields}
    response = await workspace.tracking.request(method, _OPEN + path, **sent)
    body: Fields = response.json()
    if response.is_error:
        raise ApiError(response.status_code, body["error_code"], body["message"])
    return body


def _forward(method: str, path: str) -> Route:
    async def forward(request: Request) -> JSONResponse:
        return JSONResponse(
            await _request(workspace_of(request), method, path, await read_fields(request))
        )

    return Route(_UC + path, forward, methods=[method])


ROUTES = [
    Route(f"{_UC}registered-models/create", create_model, methods=["POST"]),
    Route(f"{_UC}registered-models/get", get_model),
    Route(f"{_UC}registered-models/update", update_model, methods=["PATCH"]),
    Route(
        f"{_UC}registered-models:is-databricks-sdk-models-artifact-repository-enabled",
        sdk_repository,
    ),
    Route(f"{_UC}model-versions/create", create_version, methods=["POST"]),
    Route(f"{_UC}model-versions/finalize", finalize_version, methods=["POST"]),
    Route(f"{_UC}model-versions/get", get_version),
    Route(f"{_UC}model-versions/search", search_versions),
    Route(f"{_UC}model-versions/get-download-uri", download_uri),
    Route(f"{_UC}model-versions/set-tag", set_version_tag, methods=["POST"]),
    Route(f"{_UC}model-versions/emit-lineage", emit_lineage, methods=["POST"]),
    Route(f"{_UC}registered-models/alias", get_version_by_alias),
    _forward("POST", "registered-models/alias"),
    _forward("DELETE", "registered-models/alias"),
    _forward("POST", "registered-models/set-tag"),
    _forward("DELETE", "registered-models/delete-tag"),
    _forward("GET", "registered-models/search"),
    _forward("DELETE", "registered-models/delete"),
    _forward("PATCH", "model-versions/update"),
    _forward("DELETE", "model-versions/delete"),
    _forward("DELETE", "model-versions/delete-tag"),
]
