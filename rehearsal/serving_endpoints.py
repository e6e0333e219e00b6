"""Model Serving's routes: https://docs.databricks.com/api/workspace/servingendpoints."""

from __future__ import annotations

import random

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.serving_endpoint import Endpoint, Fields
from rehearsal.unity_catalog import version_of
from rehearsal.workspace import (
    RefusedError,
    Workspace,
    absent,
    asked,
    invalid,
    needed,
    workspace_of,
)

_MAX_BODY = 16 * 2**20
_FULL_TRAFFIC = 100


async def list_endpoints(request: Request) -> JSONResponse:
    """List the endpoints."""
    return JSONResponse({"endpoints": [each.tell() for each in _endpoints(request).values()]})


async def create(request: Request) -> JSONResponse:
    """Make an endpoint."""
    fields = await asked(request)
    (name,) = needed(fields, "name")
    if name in _endpoints(request):
        raise RefusedError(400, "RESOURCE_ALREADY_EXISTS", f"Endpoint '{name}' already exists.")
    entities, traffic = await _checked(workspace_of(request), fields.get("config", {}))
    endpoint = _endpoints(request)[name] = Endpoint(name)
    endpoint.begin(workspace_of(request), entities, traffic)
    return JSONResponse(endpoint.tell())


async def get(request: Request) -> JSONResponse:
    """Describe an endpoint."""
    return JSONResponse(_endpoint(request).tell())


async def update_config(request: Request) -> JSONResponse:
    """Serve something else, or share the traffic otherwise."""
    endpoint = _endpoint(request)
    if endpoint.update == "IN_PROGRESS":
        message = f"Endpoint '{endpoint.name}' is being updated; wait until it is not."
        raise RefusedError(409, "RESOURCE_CONFLICT", message)
    entities, traffic = await _checked(workspace_of(request), await asked(request))
    endpoint.begin(workspace_of(request), entities, traffic)
    return JSONResponse(endpoint.tell())


async def delete(request: Request) -> JSONResponse:
    """End an endpoint."""
    endpoint = _endpoint(request)
    del _endpoints(request)[endpoint.name]
    await endpoint.close()
    return JSONResponse({})


async def invoke(request: Request) -> Response:
    """Ask the served entity that the traffic falls to, or the one that is named."""
    endpoint = _endpoint(request)
    if not endpoint.servers:
        raise RefusedError(503, "TEMPORARILY_UNAVAILABLE", f"'{endpoint.name}' is not ready.")
    named = request.path_params.get("entity")
    if named is None:
        (named,) = random.choices(list(endpoint.traffic), list(endpoint.traffic.values()))  # noqa: S311
    elif named not in endpoint.servers:
        raise absent(f"Served entity '{named}' of endpoint '{endpoint.name}'")
    body = await request.body()
    if len(body) > _MAX_BODY:
        raise RefusedError(413, "MAX_REQUEST_SIZE_EXCEEDED", "The request is larger than 16 MB.")
    try:
        answer = await endpoint.servers[named].ask(body, request.headers.get("content-type", ""))
    except httpx.HTTPError as error:
        raise RefusedError(502, "TEMPORARILY_UNAVAILABLE", str(error)) from error
    headers = {"served-model-name": named}
    return Response(answer.content, answer.status_code, headers, "application/json")


async def _checked(
    workspace: Workspace, config: Fields
) -> tuple[dict[str, Fields], dict[str, int]]:
    """Return the served entities and their traffic, by the served entity's name.

    Raises:
        RefusedError: The configuration makes no sense, or names a version that is not ready.
    """
    entities: dict[str, Fields] = {}
    for given in config.get("served_entities") or []:
        model, version = needed(given, "entity_name", "entity_version")
        if "scale_to_zero_enabled" not in given:
            raise invalid("Missing value for required parameter 'scale_to_zero_enabled'.")
        known = await version_of(workspace, model, version)
        if known["status"] != "READY":
            raise invalid(f"Model version {model} {version} is not ready.")
        name = given.get("name") or f"{model.rpartition('.')[2]}-{version}"
        entities[name] = {"name": name, "entity_name": model, "entity_version": version}
    if not entities:
        raise invalid("Missing value for required parameter 'served_entities'.")
    routes = (config.get("traffic_config") or {}).get("routes")
    if routes is None:
        if len(entities) > 1:
            raise invalid("Missing value for required parameter 'traffic_config'.")
        return entities, dict.fromkeys(entities, _FULL_TRAFFIC)
    traffic = {
        str(route.get("served_model_name") or route.get("served_entity_name")): int(
            route.get("traffic_percentage", 0)
        )
        for route in routes
    }
    if set(traffic) != set(entities) or sum(traffic.values()) != _FULL_TRAFFIC:
        raise invalid("The routes must name every served entity, and add up to 100 percent.")
    return entities, traffic


def _endpoints(request: Request) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = request.app.state.endpoints
    return endpoints


def _endpoint(request: Request) -> Endpoint:
    name = request.path_params["name"]
    try:
        return _endpoints(request)[name]
    except KeyError:
        raise absent(f"Endpoint with name '{name}'") from None


ROUTES = [
    Route("/api/2.0/serving-endpoints", list_endpoints, methods=["GET"]),
    Route("/api/2.0/serving-endpoints", create, methods=["POST"]),
    Route("/api/2.0/serving-endpoints/{name}", get, methods=["GET"]),
    Route("/api/2.0/serving-endpoints/{name}", delete, methods=["DELETE"]),
    Route("/api/2.0/serving-endpoints/{name}/config", update_config, methods=["PUT"]),
    Route("/serving-endpoints/{name}/invocations", invoke, methods=["POST"]),
    Route("/serving-endpoints/{name}/served-models/{entity}/invocations", invoke, methods=["POST"]),
]
