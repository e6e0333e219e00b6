"""MLflow tracking: calls that the service has are forwarded to the MLflow server.

https://docs.databricks.com/api/workspace/experiments
"""

from __future__ import annotations

import json
import re
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rehearsal.unity_catalog_switches import read_switches
from rehearsal.workspace import ApiError, Fields, invalid_value, read_fields, workspace_of

ARTIFACTS = "dbfs:/databricks/mlflow-tracking"
_API = "/api/2.0/mlflow/"
_CREATE_EXPERIMENT = "experiments/create"
_CALLS = {
    "GET": (
        *("experiments/get", "experiments/get-by-name", "experiments/search"),
        *("runs/get", "metrics/get-history", "logged-models/{model}"),
    ),
    "POST": (
        *(_CREATE_EXPERIMENT, "experiments/update", "experiments/search"),
        *("experiments/delete", "experiments/restore", "experiments/set-experiment-tag"),
        *("runs/create", "runs/update", "runs/delete", "runs/restore"),
        *("runs/log-metric", "runs/log-parameter", "runs/log-batch", "runs/log-inputs"),
        *("runs/log-model", "runs/outputs", "runs/set-tag", "runs/delete-tag"),
        *("logged-models", "logged-models/{model}/params"),
    ),
    "PATCH": ("logged-models/{model}", "logged-models/{model}/tags"),
    "DELETE": ("logged-models/{model}", "logged-models/{model}/tags/{key}"),
}
# Databricks stores logged models under another path than the open-source server.
_MODELS = re.compile(rf"({ARTIFACTS}/\d+)/models/(m-)")


async def create_folder(request: Request) -> Response:
    """Create a folder in the workspace: no experiment can have its path."""
    workspace_of(request).objects.add(str((await read_fields(request)).get("path", "")))
    return Response("{}", media_type="application/json")


async def search(request: Request) -> Response:
    """Search page by page; what was just written is not listed yet."""
    workspace, fields = workspace_of(request), await read_fields(request)
    switches = read_switches(workspace.folder)
    max_results = min(int(fields.get("max_results", 1000)), switches.max_page_size)
    response = await workspace.tracking.post(
        request.url.path, json={**fields, "max_results": max_results}
    )
    body: Fields = response.json()
    newest_ms = (time.time() - switches.lag_seconds) * 1000
    if "runs" in body:
        body["runs"] = [run for run in body["runs"] if run["info"]["start_time"] <= newest_ms]
    text = _MODELS.sub(r"\1/logged_models/\2", json.dumps(body))
    return Response(text, response.status_code, media_type="application/json")


async def forward(request: Request) -> Response:
    """Forward the request to the MLflow server and return its response."""
    workspace = workspace_of(request)
    if request.url.path == _API + _CREATE_EXPERIMENT:
        name = str((await read_fields(request)).get("name", ""))
        if not name.startswith("/"):
            raise invalid_value(
                f"Got an invalid experiment name '{name}'. Experiment names must be absolute "
                "paths in the workspace, such as '/Shared/my-experiment'."
            )
        if name in workspace.objects:
            message = f"Node named '{name.rpartition('/')[2]}' already exists."
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", message)
    response = await workspace.tracking.request(
        request.method,
        request.url.path,
        params=request.query_params,
        content=await request.body(),
        headers={"content-type": request.headers.get("content-type", "application/json")},
    )
    text = _MODELS.sub(r"\1/logged_models/\2", response.text)
    return Response(text, response.status_code, media_type="application/json")


_FORWARDED = [
    Route(_API + path, forward, methods=[method])
    for method, paths in _CALLS.items()
    for path in sorted(paths)  # a literal before a placeholder: "{" sorts last
]
ROUTES = [
    Route("/api/2.0/workspace/mkdirs", create_folder, methods=["POST"]),
    Route(f"{_API}runs/search", search, methods=["POST"]),
    Route(f"{_API}logged-models/search", search, methods=["POST"]),
    *_FORWARDED,
]
