"""Model Serving: https://docs.databricks.com/api/workspace/servingendpoints.

An update starts what is new beside what runs, and swaps only when all of it is ready.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rehearsal.scoring import ScoringServer
from rehearsal.unity_catalog import models_folder, version_of
from rehearsal.workspace import (
    RefusedError,
    Workspace,
    absent,
    asked,
    invalid,
    needed,
    workspace_of,
)

_LARGEST_BODY = 16 * 2**20
_DRAIN_SECONDS = 1.0
_EVERYTHING = 100

Fields = dict[str, Any]


@dataclass
class Endpoint:
    """One serving endpoint.

    Attributes:
        name: Its name.
        entities: What it serves, by the served entity's name.
        traffic: Percent of the requests, by the served entity's name.
        servers: The processes, by the served entity's name.
        update: ``NOT_UPDATING``, ``IN_PROGRESS`` or ``UPDATE_FAILED``.
        pending: The served entities of the update in progress.
        message: Why the last update failed.
    """

    name: str
    entities: dict[str, Fields] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    servers: dict[str, ScoringServer] = field(default_factory=dict)
    update: str = "NOT_UPDATING"
    pending: dict[str, Fields] = field(default_factory=dict)
    message: str = ""
    version: int = 0
    task: asyncio.Task[None] | None = None

    def begin(
        self, workspace: Workspace, entities: dict[str, Fields], traffic: dict[str, int]
    ) -> None:
        """Start an update in the background."""
        self.update, self.pending, self.message = "IN_PROGRESS", entities, ""
        self.task = asyncio.create_task(self._update(workspace, entities, traffic))

    async def _update(
        self, workspace: Workspace, entities: dict[str, Fields], traffic: dict[str, int]
    ) -> None:
        new = {
            name: ScoringServer(_folder(workspace, entity), workspace.folder / f"{name}.log")
            for name, entity in entities.items()
            if self.entities.get(name) != entity
        }
        faults = await asyncio.gather(*(server.ready() for server in new.values()))
        fault = next(filter(None, faults), None)
        if fault is not None:
            await asyncio.gather(*(server.stop() for server in new.values()))
            self.update, self.pending, self.message = "UPDATE_FAILED", {}, fault
            return
        old = {name: s for name, s in self.servers.items() if name in new or name not in entities}
        kept = {name: server for name, server in self.servers.items() if name not in old}
        self.servers, self.entities, self.traffic = {**kept, **new}, entities, traffic
        self.update, self.pending, self.version = "NOT_UPDATING", {}, self.version + 1
        await asyncio.sleep(_DRAIN_SECONDS if old else 0)
        await asyncio.gather(*(server.stop() for server in old.values()))

    async def close(self) -> None:
        """End every process."""
        if self.task is not None:
            self.task.cancel()
        await asyncio.gather(*(server.stop() for server in self.servers.values()))

    def tell(self) -> Fields:
        """Return the endpoint as the service describes it."""
        described = {
            "name": self.name,
            "id": self.name,
            "creator": "rehearsal",
            "state": {
                "ready": "READY" if self.servers else "NOT_READY",
                "config_update": self.update,
            },
        }
        if self.entities:
            described["config"] = {
                **_config(self.entities, self.version, ready=True),
                "traffic_config": {
                    "routes": [
                        {"served_model_name": name, "traffic_percentage": percent}
                        for name, percent in self.traffic.items()
                    ]
                },
            }
        if self.pending:
            described["pending_config"] = _config(self.pending, self.version + 1, ready=False)
        return described


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
    if len(body) > _LARGEST_BODY:
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
        return entities, dict.fromkeys(entities, _EVERYTHING)
    traffic = {
        str(route.get("served_model_name") or route.get("served_entity_name")): int(
            route.get("traffic_percentage", 0)
        )
        for route in routes
    }
    if set(traffic) != set(entities) or sum(traffic.values()) != _EVERYTHING:
        raise invalid("The routes must name every served entity, and add up to 100 percent.")
    return entities, traffic


def _config(entities: dict[str, Fields], version: int, *, ready: bool) -> Fields:
    state = {"deployment": "DEPLOYMENT_READY" if ready else "DEPLOYMENT_CREATING"}
    served = [{**entity, "state": state} for entity in entities.values()]
    return {"config_version": version, "served_entities": served, "start_time": int(time.time())}


def _folder(workspace: Workspace, entity: Fields) -> Path:
    folder = models_folder(entity["entity_name"], entity["entity_version"])
    return workspace.folder / "files" / folder


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
