"""Registered models of Unity Catalog and their aliases, stored in the MLflow server's registry.

The owner, which the open-source registry lacks, is stored in a tag that is hidden.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import JSONResponse

from rehearsal.model_storage import location_of
from rehearsal.privileges import check_readable, principal_of, require_create_model, require_owner
from rehearsal.unity_catalog_fields import OWNER, check_tags, to_model
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


async def set_model_tag(request: Request) -> JSONResponse:
    """Set a tag of a registered model that Unity Catalog allows."""
    fields = await read_fields(request)
    check_tags([fields])
    await require_owner(request, *require_fields(fields, "name"))
    await request_store(workspace_of(request), "POST", "registered-models/set-tag", fields)
    return JSONResponse({})


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
