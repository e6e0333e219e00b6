"""Unity Catalog's model registry, kept in the MLflow server's own.

What the open registry lacks stands in tags that never leave this module: a version is *pending*
until it is finalized, and then its files are read-only.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal.workspace import (
    RefusedError,
    Workspace,
    absent,
    asked,
    invalid,
    needed,
    workspace_of,
)

_OPEN = "/api/2.0/mlflow/"
_UC = "/api/2.0/mlflow/unity-catalog/"
_HIDDEN = "_unity_catalog."
_STATUS, _SOURCE = f"{_HIDDEN}status", f"{_HIDDEN}source"
_PENDING, _READY = "PENDING_REGISTRATION", "READY"
_TAG_KEY = re.compile(r"[^.,\-=/:\s][^.,\-=/:]{0,254}")  # Unity Catalog's rules are the stricter
_MAX_TAG = 1000
_LEVELS = 3

Fields = dict[str, Any]


async def create_model(request: Request) -> JSONResponse:
    """Make a registered model in a schema that exists."""
    workspace, fields = workspace_of(request), await asked(request)
    (name,) = needed(fields, "name")
    if len(name.split(".")) != _LEVELS:
        raise invalid(f"Model name '{name}' is not valid; specify all three levels.")
    if name.rpartition(".")[0] not in workspace.schemas:
        raise absent(f"Schema '{name.rpartition('.')[0]}'")
    _check_tags(fields.get("tags", []))
    answer = await _call(workspace, "POST", "registered-models/create", fields)
    return _model(answer)


async def get_model(request: Request) -> JSONResponse:
    """Return a registered model with its aliases."""
    answer = await _call(
        workspace_of(request), "GET", "registered-models/get", await asked(request)
    )
    return _model(answer)


async def update_model(request: Request) -> JSONResponse:
    """Change the description."""
    answer = await _call(
        workspace_of(request), "PATCH", "registered-models/update", await asked(request)
    )
    return _model(answer)


async def create_version(request: Request) -> JSONResponse:
    """Make a version that is pending until its files are there and it is finalized."""
    workspace, fields = workspace_of(request), await asked(request)
    name, source = needed(fields, "name", "source")
    tags = fields.get("tags", [])
    _check_tags(tags)
    tags = [*tags, {"key": _STATUS, "value": _PENDING}, {"key": _SOURCE, "value": source}]
    body = {"name": name, "source": f"dbfs:/Models/{name}", "tags": tags}
    kept = {key: fields[key] for key in ("run_id", "description") if fields.get(key)}
    answer = await _call(workspace, "POST", "model-versions/create", {**body, **kept})
    return JSONResponse({"model_version": _version(answer["model_version"])})


async def finalize_version(request: Request) -> JSONResponse:
    """Let the version be ready, once its files are there."""
    workspace = workspace_of(request)
    name, version = needed(await asked(request), "name", "version")
    if not any((workspace.folder / "files" / models_folder(name, version)).rglob("MLmodel")):
        raise invalid(f"Model version {name} {version} has no MLmodel file.")
    tag = {"name": name, "version": version, "key": _STATUS, "value": _READY}
    await _call(workspace, "POST", "model-versions/set-tag", tag)
    found = await version_of(workspace, name, version)
    return JSONResponse({"model_version": found})


async def get_version(request: Request) -> JSONResponse:
    """Return a version."""
    name, version = needed(await asked(request), "name", "version")
    return JSONResponse({"model_version": await version_of(workspace_of(request), name, version)})


async def search_versions(request: Request) -> JSONResponse:
    """List a model's versions; tags and aliases are not among what a search returns."""
    workspace, fields = workspace_of(request), await asked(request)
    if not re.fullmatch(r"\s*name\s*=\s*(['\"])[^'\"]+\1\s*", fields.get("filter", "")):
        raise invalid("Only a filter of the form \"name = 'model'\" is supported.")
    answer = await _call(workspace, "GET", "model-versions/search", fields)
    found = [_version(each) for each in answer.get("model_versions", [])]
    listed = [{k: v for k, v in each.items() if k not in ("tags", "aliases")} for each in found]
    return JSONResponse({**answer, "model_versions": listed})


async def download_uri(request: Request) -> JSONResponse:
    """Return where a version's files are."""
    name, version = needed(await asked(request), "name", "version")
    await version_of(workspace_of(request), name, version)
    return JSONResponse({"artifact_uri": f"dbfs:/{models_folder(name, version)}"})


async def get_version_by_alias(request: Request) -> JSONResponse:
    """Return the version that an alias points to."""
    workspace, fields = workspace_of(request), await asked(request)
    name, alias = needed(fields, "name", "alias")
    try:
        answer = await _call(workspace, "GET", "registered-models/alias", fields)
    except RefusedError:
        raise absent(f"Alias '{alias}' of '{name}'") from None
    found = _version(answer["model_version"])
    return JSONResponse({"model_version": await version_of(workspace, name, found["version"])})


async def set_version_tag(request: Request) -> JSONResponse:
    """Set a tag that Unity Catalog allows."""
    fields = await asked(request)
    _check_tags([fields])
    await _call(workspace_of(request), "POST", "model-versions/set-tag", fields)
    return JSONResponse({})


async def sdk_repository(_request: Request) -> JSONResponse:
    """Tell the client to bring and fetch files through the Files API."""
    return JSONResponse({"is_databricks_sdk_models_artifact_repository_enabled": True})


async def nothing(_request: Request) -> JSONResponse:
    """Take note of lineage: there is nothing to answer."""
    return JSONResponse({})


async def version_of(workspace: Workspace, name: str, version: str) -> Fields:
    """Return a version as Unity Catalog tells it.

    Raises:
        RefusedError: There is none.
    """
    asked_for = {"name": name, "version": version}
    answer = await _call(workspace, "GET", "model-versions/get", asked_for)
    return _version(answer["model_version"])


def models_folder(name: str, version: str) -> str:
    """Return the folder of a version's files, as the Files API names it."""
    return f"Models/{name.replace('.', '/')}/{version}"


async def _call(workspace: Workspace, method: str, path: str, fields: Fields) -> Fields:
    sent = {"params": fields} if method == "GET" else {"json": fields}
    answer = await workspace.tracking.request(method, _OPEN + path, **sent)
    body: Fields = answer.json()
    if answer.is_error:
        raise RefusedError(answer.status_code, body["error_code"], body["message"])
    return body


def _pass(method: str, path: str) -> Route:
    async def call(request: Request) -> JSONResponse:
        return JSONResponse(await _call(workspace_of(request), method, path, await asked(request)))

    return Route(_UC + path, call, methods=[method])


def _model(answer: Fields) -> JSONResponse:
    known = answer["registered_model"]
    kept = ("name", "description", "creation_timestamp", "last_updated_timestamp", "tags")
    aliases = known.get("aliases", [])
    found = {key: known[key] for key in kept if key in known}
    return JSONResponse({"registered_model": {**found, "aliases": aliases}})


def _version(known: Fields) -> Fields:
    tags = {tag["key"]: tag["value"] for tag in known.get("tags", [])}
    kept = ("name", "version", "description", "run_id", "creation_timestamp")
    return {
        **{key: known[key] for key in (*kept, "last_updated_timestamp") if key in known},
        "status": tags.get(_STATUS, _READY),
        "source": tags.get(_SOURCE, ""),
        "storage_location": f"dbfs:/{models_folder(known['name'], str(known['version']))}",
        "tags": [
            {"key": key, "value": value}
            for key, value in tags.items()
            if not key.startswith(_HIDDEN)
        ],
        "aliases": [
            {"alias": alias, "version": known["version"]} for alias in known.get("aliases", [])
        ],
    }


def _check_tags(tags: list[Fields]) -> None:
    for tag in tags:
        key, value = str(tag.get("key", "")), str(tag.get("value", ""))
        if not _TAG_KEY.fullmatch(key):
            raise invalid(f"Tag key '{key}' holds a character of . , - = / : or is too long.")
        if len(value) > _MAX_TAG:
            raise invalid(f"The value of tag '{key}' is longer than {_MAX_TAG} characters.")


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
    Route(f"{_UC}model-versions/emit-lineage", nothing, methods=["POST"]),
    Route(f"{_UC}registered-models/alias", get_version_by_alias),
    _pass("POST", "registered-models/alias"),
    _pass("DELETE", "registered-models/alias"),
    _pass("POST", "registered-models/set-tag"),
    _pass("DELETE", "registered-models/delete-tag"),
    _pass("GET", "registered-models/search"),
    _pass("DELETE", "registered-models/delete"),
    _pass("PATCH", "model-versions/update"),
    _pass("DELETE", "model-versions/delete"),
    _pass("DELETE", "model-versions/delete-tag"),
]
