"""MLflow tracking: calls that the service has are forwarded to the MLflow server.

https://docs.databricks.com/api/workspace/experiments
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rehearsal.workspace import invalid_value, read_fields, workspace_of

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
        *("runs/create", "runs/update", "runs/delete", "runs/restore", "runs/search"),
        *("runs/log-metric", "runs/log-parameter", "runs/log-batch", "runs/log-inputs"),
        *("runs/log-model", "runs/outputs", "runs/set-tag", "runs/delete-tag"),
        *("logged-models", "logged-models/search", "logged-models/{model}/params"),
    ),
    "PATCH": ("logged-models/{model}", "logged-models/{model}/tags"),
    "DELETE": ("logged-models/{model}", "logged-models/{model}/tags/{key}"),
}
# Databricks stores logged models under another path than the open-source server.
_MODELS = re.compile(rf"({ARTIFACTS}/\d+)/models/(m-)")


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
    response = await workspace.tracking.request(
        request.method,
        request.url.path,
        params=request.query_params,
        content=await request.body(),
        headers={"content-type": request.headers.get("content-type", "application/json")},
    )
    text = _MODELS.sub(r"\1/logged_models/\2", response.text)
    return Response(text, response.status_code, media_type="application/json")


ROUTES = [
    Route(_API + path, forward, methods=[method])
    for method, paths in _CALLS.items()
    for path in sorted(paths)  # a literal before a placeholder: "{" sorts last
]
