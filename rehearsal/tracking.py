"""MLflow tracking: passed on to the MLflow server, where the service knows the call.

https://docs.databricks.com/api/workspace/experiments
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rehearsal.workspace import asked, invalid, workspace_of

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
# Databricks keeps logged models elsewhere than the open server would.
_MODELS = re.compile(rf"({ARTIFACTS}/\d+)/models/(m-)")


async def pass_on(request: Request) -> Response:
    """Ask the MLflow server and give its answer."""
    workspace = workspace_of(request)
    if request.url.path == _API + _CREATE_EXPERIMENT:
        name = str((await asked(request)).get("name", ""))
        if not name.startswith("/"):
            raise invalid(
                f"Got an invalid experiment name '{name}'. Experiment names must be absolute "
                "paths in the workspace, such as '/Shared/my-experiment'."
            )
    answer = await workspace.tracking.request(
        request.method,
        request.url.path,
        params=request.query_params,
        content=await request.body(),
        headers={"content-type": request.headers.get("content-type", "application/json")},
    )
    text = _MODELS.sub(r"\1/logged_models/\2", answer.text)
    return Response(text, answer.status_code, media_type="application/json")


ROUTES = [
    Route(_API + path, pass_on, methods=[method])
    for method, paths in _CALLS.items()
    for path in sorted(paths)  # a literal before a placeholder: "{" sorts last
]
