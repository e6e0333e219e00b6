"""Model Serving's routes: https://docs.databricks.com/api/workspace/servingendpoints."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.inference_table import payload_row
from rehearsal.serving_description import describe
from rehearsal.serving_endpoint import Endpoint, Endpoints
from rehearsal.serving_fields import check_create, parse_config, parse_gateway
from rehearsal.serving_switches import read_switches
from rehearsal.workspace import (
    ApiError,
    not_found,
    read_fields,
    require_fields,
    workspace_of,
)

_MAX_BODY = 16 * 2**20
_CHANGES_SECONDS = 300.0

_Handler = Callable[[Request], Awaitable[Response]]


def limited(handler: _Handler) -> _Handler:
    """Reject a change with 429 where there were too many within five minutes."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        changes, now = _endpoints(request).changes, time.monotonic()
        changes[:] = [each for each in changes if each > now - _CHANGES_SECONDS]
        if len(changes) >= read_switches(workspace_of(request).folder).max_changes:
            wait_seconds = math.ceil(changes[0] + _CHANGES_SECONDS - now) if changes else 1
            message = "Too many endpoints were created or updated within five minutes."
            body = {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": message}
            return JSONResponse(body, 429, {"retry-after": str(wait_seconds)})
        changes.append(now)
        return await handler(request)

    return handle


async def list_endpoints(request: Request) -> JSONResponse:
    """List the endpoints."""
    return JSONResponse({"endpoints": [describe(each) for each in _endpoints(request).values()]})


@limited
async def create(request: Request) -> Response:
    """Create an endpoint."""
    workspace, body = workspace_of(request), await read_fields(request)
    check_create(body)
    (name,) = require_fields(body, "name")
    if name in _endpoints(request):
        raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Endpoint '{name}' already exists.")
    entities, traffic = await parse_config(workspace, body.get("config", {}))
    switches = read_switches(workspace.folder)
    gateway = parse_gateway(workspace, switches, body.get("ai_gateway") or {}, {})
    endpoint = Endpoint(name, workspace, tags=body.get("tags") or [], gateway=gateway)
    _endpoints(request)[name] = endpoint
    endpoint.begin(entities, traffic)
    return JSONResponse(describe(endpoint))


async def get(request: Request) -> JSONResponse:
    """Describe an endpoint."""
    return JSONResponse(describe(_endpoint(request)))


@limited
async def update_config(request: Request) -> Response:
    """Replace the served entities and the traffic split."""
    endpoint = _endpoint(request)
    if endpoint.update == "IN_PROGRESS":
        message = f"Endpoint '{endpoint.name}' is being updated; wait until it is not."
        raise ApiError(409, "RESOURCE_CONFLICT", message)
    entities, traffic = await parse_config(workspace_of(request), await read_fields(request))
    endpoint.begin(entities, traffic)
    return JSONResponse(describe(endpoint))


@limited
async def update_gateway(request: Request) -> Response:
    """Replace the AI Gateway of an endpoint."""
    endpoint = _endpoint(request)
    body = await read_fields(request)
    endpoint.gateway = parse_gateway(
        workspace_of(request), endpoint.switches, body, endpoint.gateway
    )
    return JSONResponse(endpoint.gateway)


async def build_logs(request: Request) -> JSONResponse:
    """Return the build log of a served entity."""
    endpoint, entity_name = _endpoint(request), _entity_name(request)
    return JSONResponse({"logs": endpoint.read_log(endpoint.build_log_path(entity_name))})


async def server_logs(request: Request) -> JSONResponse:
    """Return the newest lines of a served entity's server."""
    endpoint, entity_name = _endpoint(request), _entity_name(request)
    return JSONResponse({"logs": endpoint.read_log(endpoint.server_log_path(entity_name))})


async def delete(request: Request) -> JSONResponse:
    """Delete an endpoint, and its logs."""
    endpoint = _endpoint(request)
    del _endpoints(request)[endpoint.name]
    await endpoint.close()
    for entity_name in {**endpoint.entities, **endpoint.pending}:
        endpoint.build_log_path(entity_name).unlink(missing_ok=True)
    return JSONResponse({})


async def invoke(request: Request) -> Response:
    """Forward the request to the named served entity, or to one drawn by the traffic split."""
    endpoint, started = _endpoint(request), datetime.now(UTC)
    if not endpoint.servers:
        raise ApiError(503, "TEMPORARILY_UNAVAILABLE", f"'{endpoint.name}' is not ready.")
    entity_name = request.path_params.get("entity")
    if entity_name is None:
        (entity_name,) = random.choices(list(endpoint.traffic), list(endpoint.traffic.values()))  # noqa: S311
    elif entity_name not in endpoint.servers:
        raise not_found(f"Served entity '{entity_name}' of endpoint '{endpoint.name}'")
    body = await request.body()
    if len(body) > _MAX_BODY:
        raise ApiError(413, "MAX_REQUEST_SIZE_EXCEEDED", "The request is larger than 16 MB.")
    try:
        await endpoint.wait_for_start(entity_name)
        content_type = request.headers.get("content-type", "")
        response = await endpoint.servers[entity_name].predict(body, content_type)
    except (TimeoutError, httpx.TimeoutException) as error:
        message = f"'{endpoint.name}' did not respond in time."
        raise ApiError(504, "DEADLINE_EXCEEDED", message) from error
    except httpx.HTTPError as error:
        raise ApiError(502, "TEMPORARILY_UNAVAILABLE", str(error)) from error
    if endpoint.table is not None:
        entity_id = endpoint.entity_id(entity_name)
        row = payload_row(body, response.content, response.status_code, started, entity_id)
        endpoint.payloads.append(endpoint.table, row)
    headers = {"served-model-name": entity_name}
    return Response(response.content, response.status_code, headers, "application/json")


def _endpoints(request: Request) -> Endpoints:
    endpoints: Endpoints = request.app.state.endpoints
    return endpoints


def _endpoint(request: Request) -> Endpoint:
    name = request.path_params["name"]
    try:
        return _endpoints(request)[name]
    except KeyError:
        raise not_found(f"Endpoint with name '{name}'") from None


def _entity_name(request: Request) -> str:
    """Return the name of a served entity that exists, or was to exist by the last update."""
    endpoint, name = _endpoint(request), str(request.path_params["entity"])
    if name not in {**endpoint.entities, **endpoint.pending}:
        raise not_found(f"Served entity '{name}' of endpoint '{endpoint.name}'")
    return name


_API = "/api/2.0/serving-endpoints"
_ENTITY = "/served-models/{entity}"
ROUTES = [
    Route(_API, list_endpoints, methods=["GET"]),
    Route(_API, create, methods=["POST"]),
    Route(f"{_API}/{{name}}", get, methods=["GET"]),
    Route(f"{_API}/{{name}}", delete, methods=["DELETE"]),
    Route(f"{_API}/{{name}}/config", update_config, methods=["PUT"]),
    Route(f"{_API}/{{name}}/ai-gateway", update_gateway, methods=["PUT"]),
    Route(f"{_API}/{{name}}{_ENTITY}/build-logs", build_logs, methods=["GET"]),
    Route(f"{_API}/{{name}}{_ENTITY}/logs", server_logs, methods=["GET"]),
    Route("/serving-endpoints/{name}/invocations", invoke, methods=["POST"]),
    Route(f"/serving-endpoints/{{name}}{_ENTITY}/invocations", invoke, methods=["POST"]),
]
