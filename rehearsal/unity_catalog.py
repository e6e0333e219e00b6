"""Unity Catalog's model registry, stored in the MLflow server's registry.

What the open-source registry lacks is stored in tags that this module hides: a version is *pending*
until it is finalized, and from then on its files are read-only.
"""

from __future__ import annotations

import re
import time

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.model_storage import find_model_folder, location_of
from rehearsal.privileges import (
    check_readable,
    principal_of,
    require_create_model,
    require_owner,
)
from rehearsal.unity_catalog_fields import (
    OWNER,
    PENDING,
    READY,
    SOURCE,
    STATUS,
    check_tags,
    models_folder,
    to_model,
    to_version,
)
from rehearsal.unity_catalog_store import owner_of, request_store, version_of
from rehearsal.unity_catalog_switches import FILES_API, read_switches
from rehearsal.workspace import (
    ApiError,
    Workspace,
    invalid_value,
    not_found,
    read_fields,
    require_fields,
    workspace_of,
)

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
    require_create_model(request, name.rpartition(".")[0])
    tags = fields.get("tags", [])
    check_tags(tags)
    tags = [*tags, {"key": OWNER, "value": principal_of(request)}]
    response = await request_store(
        workspace, "POST", "registered-models/create", {**fields, "tags": tags}
    )
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def get_model(request: Request) -> JSONResponse:
    """Return a registered model with its aliases."""
    fields = await read_fields(request)
    (name,) = require_fields(fields, "name")
    await check_readable(request, name)
    response = await request_store(workspace_of(request), "GET", "registered-models/get", fields)
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def update_model(request: Request) -> JSONResponse:
    """Change the description."""
    fields = await read_fields(request)
    await require_owner(request, *require_fields(fields, "name"))
    response = await request_store(
        workspace_of(request), "PATCH", "registered-models/update", fields
    )
    return JSONResponse({"registered_model": to_model(response["registered_model"])})


async def create_version(request: Request) -> JSONResponse:
    """Create a version, which is pending until its files are uploaded and it is finalized."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, source = require_fields(fields, "name", "source")
    await require_owner(request, name)
    tags = fields.get("tags", [])
    check_tags(tags)
    tags = [*tags, {"key": STATUS, "value": PENDING}, {"key": SOURCE, "value": source}]
    body = {"name": name, "source": f"dbfs:/Models/{name}", "tags": tags}
    kept = {key: fields[key] for key in ("run_id", "description") if fields.get(key)}
    response = await request_store(workspace, "POST", "model-versions/create", {**body, **kept})
    created = to_version(response["model_version"])
    folder = models_folder(name, str(created["version"]))
    created["storage_location"] = location_of(workspace, folder)
    return JSONResponse({"model_version": created})


async def finalize_version(request: Request) -> JSONResponse:
    """Make the version ready, once its files are uploaded."""
    workspace = workspace_of(request)
    name, version = require_fields(await read_fields(request), "name", "version")
    await require_owner(request, name)
    if find_model_folder(workspace, name, version) is None:
        raise invalid_value(f"Model version {name} {version} has no MLmodel file.")
    tag = {"name": name, "version": version, "key": STATUS, "value": READY}
    await request_store(workspace, "POST", "model-versions/set-tag", tag)
    found = await version_of(workspace, name, version)
    return JSONResponse({"model_version": found})


async def get_version(request: Request) -> JSONResponse:
    """Return a version."""
    name, version = require_fields(await read_fields(request), "name", "version")
    await check_readable(request, name)
    return JSONResponse({"model_version": await version_of(workspace_of(request), name, version)})


async def search_versions(request: Request) -> JSONResponse:
    """List a model's versions; as in the service, without tags and aliases, page by page.

    A version that was just created is not listed yet.
    """
    workspace, fields = workspace_of(request), await read_fields(request)
    switches = read_switches(workspace.folder)
    if not re.fullmatch(r"\s*name\s*=\s*(['\"])[^'\"]+\1\s*", fields.get("filter", "")):
        raise invalid_value("Only a filter of the form \"name = 'model'\" is supported.")
    max_results = min(int(fields.get("max_results", 1000)), switches.max_page_size)
    response = await request_store(
        workspace, "GET", "model-versions/search", {**fields, "max_results": max_results}
    )
    newest_ms = (time.time() - switches.lag_seconds) * 1000
    stored = response.get("model_versions", [])
    found = [to_version(each) for each in stored if each["creation_timestamp"] <= newest_ms]
    listed = [{k: v for k, v in each.items() if k not in ("tags", "aliases")} for each in found]
    return JSONResponse({**response, "model_versions": listed})


async def download_uri(request: Request) -> JSONResponse:
    """Return where a version's files are."""
    name, version = require_fields(await read_fields(request), "name", "version")
    workspace = workspace_of(request)
    await check_readable(request, name)
    await version_of(workspace, name, version)
    return JSONResponse({"artifact_uri": location_of(workspace, models_folder(name, version))})


async def get_version_by_alias(request: Request) -> JSONResponse:
    """Return the version that an alias points to; one that was just set still points elsewhere."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, alias = require_fields(fields, "name", "alias")
    await check_readable(request, name)
    moved_at, previous = workspace.moved_aliases.get((name, alias), (0.0, None))
    if time.time() - moved_at < read_switches(workspace.folder).lag_seconds:
        version = previous
    else:
        version = await _find_alias(workspace, name, alias)
    if version is None:
        raise not_found(f"Registered Model Alias '{alias}'")
    return JSONResponse({"model_version": await version_of(workspace, name, version)})


async def set_alias(request: Request) -> JSONResponse:
    """Point an alias to a version; readers see it a little later."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, alias = require_fields(fields, "name", "alias")
    await require_owner(request, name)
    previous = await _find_alias(workspace, name, alias)
    response = await request_store(workspace, "POST", "registered-models/alias", fields)
    workspace.moved_aliases[name, alias] = (time.time(), previous)
    return JSONResponse(response)


async def _find_alias(workspace: Workspace, name: str, alias: str) -> str | None:
    try:
        response = await request_store(
            workspace, "GET", "registered-models/alias", {"name": name, "alias": alias}
        )
    except ApiError:
        return None
    return str(response["model_version"]["version"])


async def set_version_tag(request: Request) -> JSONResponse:
    """Set a tag that Unity Catalog allows."""
    fields = await read_fields(request)
    check_tags([fields])
    await require_owner(request, *require_fields(fields, "name"))
    await request_store(workspace_of(request), "POST", "model-versions/set-tag", fields)
    return JSONResponse({})


async def set_model_tag(request: Request) -> JSONResponse:
    """Set a tag of a registered model that Unity Catalog allows."""
    fields = await read_fields(request)
    check_tags([fields])
    await require_owner(request, *require_fields(fields, "name"))
    await request_store(workspace_of(request), "POST", "registered-models/set-tag", fields)
    return JSONResponse({})


async def describe_model(request: Request) -> JSONResponse:
    """Unity Catalog's own API: who owns the model, and where its files are."""
    workspace, name = workspace_of(request), request.path_params["name"]
    await check_readable(request, name)
    catalog, schema, model = name.split(".")
    location = location_of(workspace, f"Models/{catalog}/{schema}/{model}")
    return JSONResponse(
        {
            "full_name": name,
            "name": model,
            "catalog_name": catalog,
            "schema_name": schema,
            "owner": await owner_of(workspace, name),
            "storage_location": location,
        }
    )


async def change_owner(request: Request) -> JSONResponse:
    """Unity Catalog's own API: give the model to another principal."""
    workspace, name = workspace_of(request), request.path_params["name"]
    (owner,) = require_fields(await read_fields(request), "owner")
    await require_owner(request, name)
    tag = {"name": name, "key": OWNER, "value": owner}
    await request_store(workspace, "POST", "registered-models/set-tag", tag)
    return await describe_model(request)


async def sdk_repository(request: Request) -> JSONResponse:
    """Tell the client whether files go through the Files API."""
    is_enabled = read_switches(workspace_of(request).folder).transport == FILES_API
    return JSONResponse({"is_databricks_sdk_models_artifact_repository_enabled": is_enabled})


async def emit_lineage(_request: Request) -> JSONResponse:
    """Accept lineage, and discard it."""
    return JSONResponse({})


def _forward(method: str, path: str) -> Route:
    async def forward(request: Request) -> JSONResponse:
        fields = await read_fields(request)
        if method != "GET":
            await require_owner(request, *require_fields(fields, "name"))
        return JSONResponse(await request_store(workspace_of(request), method, path, fields))

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
    Route(f"{_UC}registered-models/alias", set_alias, methods=["POST"]),
    Route(f"{_UC}registered-models/set-tag", set_model_tag, methods=["POST"]),
    Route("/api/2.1/unity-catalog/models/{name}", describe_model),
    Route("/api/2.1/unity-catalog/models/{name}", change_owner, methods=["PATCH"]),
    _forward("DELETE", "registered-models/alias"),
    _forward("DELETE", "registered-models/delete-tag"),
    _forward("GET", "registered-models/search"),
    _forward("DELETE", "registered-models/delete"),
    _forward("PATCH", "model-versions/update"),
    _forward("DELETE", "model-versions/delete"),
    _forward("DELETE", "model-versions/delete-tag"),
]
