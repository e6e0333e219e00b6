"""Versions of Unity Catalog's registered models, stored in the MLflow server's registry.

What the open-source registry lacks is stored in tags that are hidden: a version is *pending* until
it is finalized, and from then on its files are read-only.
"""

from __future__ import annotations

import re
import time

from starlette.requests import Request
from starlette.responses import JSONResponse

from rehearsal.model_storage import find_model_folder, location_of
from rehearsal.privileges import (
    check_readable,
    require_apply_tag,
    require_assign,
    require_owner,
)
from rehearsal.unity_catalog_fields import (
    PENDING,
    READY,
    SOURCE,
    STATUS,
    check_tags,
    models_folder,
    to_version,
)
from rehearsal.unity_catalog_store import request_store, version_of
from rehearsal.unity_catalog_switches import read_switches
from rehearsal.workspace import invalid_value, read_fields, require_fields, workspace_of


async def create_version(request: Request) -> JSONResponse:
    """Create a version, which is pending until its files are uploaded and it is finalized."""
    workspace, fields = workspace_of(request), await read_fields(request)
    name, source = require_fields(fields, "name", "source")
    await require_owner(request, name)
    tags = fields.get("tags", [])
    check_tags(tags)
    require_assign(request, [str(tag["key"]) for tag in tags])
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


async def set_version_tag(request: Request) -> JSONResponse:
    """Set a tag that Unity Catalog allows."""
    fields = await read_fields(request)
    check_tags([fields])
    name, key = require_fields(fields, "name", "key")
    await require_apply_tag(request, name)
    require_assign(request, [key])
    await request_store(workspace_of(request), "POST", "model-versions/set-tag", fields)
    return JSONResponse({})


async def emit_lineage(_request: Request) -> JSONResponse:
    """Accept lineage, and discard it."""
    return JSONResponse({})
