"""Model Serving's routes: https://docs.databricks.com/api/workspace/servingendpoints."""

from __future__ import annotations

import random

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.serving_endpoint import Endpoint
from rehearsal.unity_catalog import version_of
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

_MAX_BODY = 16 * 2**20
_FULL_TRAFFIC = 100


async def list_endpoints(request: Request) -> JSONResponse:
    """List the endpoints."""
    return JSONResponse({"endpoints": [each.describe() for each in _endpoints(request).values()]})


async def create(request: Request) -> JSONResponse:
    """Create an endpoint."""
    fields = await read_fields(request)
    (name,) = require_fields(fields, "name")
    if name in _endpoints(request):
        raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Endpoint '{name}' already exists.")
    entities, traffic = await _parse_config(workspace_of(request), fields.get("config", {}))
    endpoint = _endpoints(request)[name] = Endpoint(name)
    endpoint.begin(workspace_of(request), entities, traffic)
    return JSONResponse(endpoint.describe())


async def get(request: Request) -> JSONResponse:
    """Describe an endpoint."""
    return JSONResponse(_endpoint(request).describe())


async def update_config(request: Request) -> JSONResponse:
    """Change the served entities or the traffic split."""
    endpoint = _endpoint(request)
    if endpoint.update == "IN_PROGRESS":
        message = f"Endpoint '{endpoint.name}' is being updated; wait until it is not."
        raise ApiError(409, "RESOURCE_CONFLICT", message)
    entities, traffic = await _parse_config(workspace_of(request), await read_fields(request))
    endpoint.begin(workspace_of(request), entities, traffic)
    return JSONResponse(endpoint.describe())


async def delete(request: Request) -> JSONResponse:
    """Delete an endpoint."""
    endpoint = _endpoint(request)
    del _endpoints(request)[endpoint.name]
    await endpoint.close()
    return JSONResponse({})


async def invoke(request: Request) -> Response:
    """Forward the request to the named served entity, or to one drawn by the traffic split."""
    endpoint = _endpoint(request)
    if not endpoint.servers:
        raise ApiError(503, "TEMPORARILY_UNAVAILABLE", f"'{endpoint.name}' is not ready.")
    entity = request.path_params.get("entity")
    if entity is None:
        (entity,) = random.choices(list(endpoint.traffic), list(endpoint.traffic.values()))  # noqa: S311
    elif entity not in endpoint.servers:
        raise not_found(f"Served entity '{entity}' of endpoint '{endpoint.name}'")
    body = await request.body()
    if len(body) > _MAX_BODY:
        raise ApiError(413, "MAX_REQUEST_SIZE_EXCEEDED", "The request is larger than 16 MB.")
    try:
        content_type = request.headers.get("content-type", "")
        response = await endpoint.servers[entity].predict(body, content_type)
    except httpx.HTTPError as error:
        raise ApiError(502, "TEMPORARILY_UNAVAILABLE", str(error)) from error
    headers = {"served-model-name": entity}
    return Response(response.content, response.status_code, headers, "application/json")


async def _parse_config(
    workspace: Workspace, config: Fields
) -> tuple[dict[str, Fields], dict[str, int]]:
    """Return the served entities and their traffic, by the served entity's name.

    Raises:
        ApiError: The configuration is not valid, or names a version that is not ready.
    """
    entities: dict[str, Fields] = {}
    for entity in config.get("served_entities") or []:
        model, version = require_fields(entity, "entity_name", "entity_version")
        if "scale_to_zero_enabled" not in entity:
            raise invalid_value("Missing value for required parameter 'scale_to_zero_enabled'.")
        found = await version_of(workspace, model, version)
        if found["status"] != "READY":
            raise invalid_value(f"Model version {model} {version} is not ready.")
        name = entity.get("name") or f"{model.rpartition('.')[2]}-{version}"
        entities[name] = {"name": name, "entity_name": model, "entity_version": version}
    if not entities:
        raise invalid_value("Missing value for required parameter 'served_entities'.")
    routes = (config.get("traffic_config") or {}).get("routes")
    if routes is None:
        if len(entities) > 1:
            raise invalid_value("Missing value for required parameter 'traffic_config'.")
        return entities, dict.fromkeys(entities, _FULL_TRAFFIC)
    traffic = {
        str(route.get("served_model_name") or route.get("served_entity_name")): int(
            route.get("traffic_percentage", 0)
        )
        for route in routes
    }
    if set(traffic) != set(entities) or sum(traffic.values()) != _FULL_TRAFFIC:
        raise invalid_value("The routes must name every served entity, and add up to 100 percent.")
    return entities, traffic


def _endpoints(request: Request) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = request.app.state.endpoints
    return endpoints


def _endpoint(request: Request) -> Endpoint:
    name = request.path_params["name"]
    try:
        return _endpoints(request)[name]
    except KeyError:
        raise not_found(f"Endpoint with name '{name}'") from None


ROUTES = [
    Route("/api/2.0/serving-endpoints", list_endpoints, methods=["GET"]),
    Route("/api/2.0/serving-endpoints", create, methods=["POST"]),
    Route("/api/2.0/serving-endpoints/{name}", get, methods=["GET"]),
    Route("/api/2.0/serving-endpoints/{name}", delete, methods=["DELETE"]),
    Route("/api/2.0/serving-endpoints/{name}/config", update_config, methods=["PUT"]),
    Route("/serving-endpoints/{name}/invocations", invoke, methods=["POST"]),
    Route("/serving-endpoints/{name}/served-models/{entity}/invocations", invoke, methods=["POST"]),
]
