"""The routes of Unity Catalog's model registry."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rehearsal import model_versions, registered_models
from rehearsal.privileges import require_owner
from rehearsal.unity_catalog_store import request_store
from rehearsal.workspace import read_fields, require_fields, workspace_of

_UC = "/api/2.0/mlflow/unity-catalog/"


def _forward(method: str, path: str) -> Route:
    async def forward(request: Request) -> JSONResponse:
        fields = await read_fields(request)
        if method != "GET":
            await require_owner(request, *require_fields(fields, "name"))
        return JSONResponse(await request_store(workspace_of(request), method, path, fields))

    return Route(_UC + path, forward, methods=[method])


ROUTES = [
    Route(f"{_UC}registered-models/create", registered_models.create_model, methods=["POST"]),
    Route(f"{_UC}registered-models/get", registered_models.get_model),
    Route(f"{_UC}registered-models/update", registered_models.update_model, methods=["PATCH"]),
    Route(
        f"{_UC}registered-models:is-databricks-sdk-models-artifact-repository-enabled",
        registered_models.sdk_repository,
    ),
    Route(f"{_UC}model-versions/create", model_versions.create_version, methods=["POST"]),
    Route(f"{_UC}model-versions/finalize", model_versions.finalize_version, methods=["POST"]),
    Route(f"{_UC}model-versions/get", model_versions.get_version),
    Route(f"{_UC}model-versions/search", model_versions.search_versions),
    Route(f"{_UC}model-versions/get-download-uri", model_versions.download_uri),
    Route(f"{_UC}model-versions/set-tag", model_versions.set_version_tag, methods=["POST"]),
    Route(f"{_UC}model-versions/emit-lineage", model_versions.emit_lineage, methods=["POST"]),
    Route(f"{_UC}registered-models/alias", registered_models.get_version_by_alias),
    Route(f"{_UC}registered-models/alias", registered_models.set_alias, methods=["POST"]),
    Route(f"{_UC}registered-models/set-tag", registered_models.set_model_tag, methods=["POST"]),
    Route("/api/2.1/unity-catalog/models/{name}", registered_models.describe_model),
    Route(
        "/api/2.1/unity-catalog/models/{name}", registered_models.change_owner, methods=["PATCH"]
    ),
    _forward("DELETE", "registered-models/alias"),
    _forward("DELETE", "registered-models/delete-tag"),
    _forward("GET", "registered-models/search"),
    _forward("DELETE", "registered-models/delete"),
    _forward("PATCH", "model-versions/update"),
    _forward("DELETE", "model-versions/delete"),
    _forward("DELETE", "model-versions/delete-tag"),
]
