"""MLflow tracking: passed on to the MLflow server, where the service knows the call."""

from __future__ import annotations

import re

from mlflow.protos.service_pb2 import MlflowService
from mlflow.utils.rest_utils import _REST_API_PATH_PREFIX, extract_all_api_info_for_service
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rehearsal.workspace import asked, invalid, workspace_of

ARTIFACTS = "dbfs:/databricks/mlflow-tracking"
_CREATE_EXPERIMENT = "/api/2.0/mlflow/experiments/create"
_KNOWN = tuple(
    f"/api/2.0/mlflow/{what}" for what in ("experiments", "runs", "metrics", "logged-models")
)
# Databricks keeps logged models elsewhere than the open server would.
_MODELS = re.compile(rf"({ARTIFACTS}/\d+)/models/(m-)")


async def pass_on(request: Request) -> Response:
    """Ask the MLflow server and give its answer."""
    workspace = workspace_of(request)
    if request.url.path == _CREATE_EXPERIMENT:
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


def _routes() -> list[Route]:
    infos = extract_all_api_info_for_service(MlflowService, _REST_API_PATH_PREFIX)
    calls = [call for calls in infos.values() for call in calls]
    methods: dict[str, set[str]] = {}
    for path, method in calls:
        if path.startswith(_KNOWN) and "artifacts" not in path:
            methods.setdefault(path, set()).add(method)
    return [Route(path, pass_on, methods=sorted(these)) for path, these in sorted(methods.items())]


ROUTES = _routes()
