"""The REST application: one model behind the routes of three servers that clients know.

MLflow's (https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally), Databricks Model
Serving's, and TensorFlow Serving's (https://www.tensorflow.org/tfx/serving/api_rest).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from crosscloud_mnist.serving.http.allowed_hosts import AllowedHosts
from crosscloud_mnist.serving.http.authentication import BearerToken
from crosscloud_mnist.serving.http.body_limits import BodyBudget
from crosscloud_mnist.serving.http.description import DescriptionEndpoints
from crosscloud_mnist.serving.http.image import ImageEndpoint
from crosscloud_mnist.serving.http.middleware import RequestMiddleware
from crosscloud_mnist.serving.http.prediction import (
    TF_SERVING_MEDIA_TYPES,
    PredictEndpoint,
    Predictor,
)
from crosscloud_mnist.serving.http.report import REPORT_PATH, ReportEndpoint
from crosscloud_mnist.serving.http.responses import error_response
from crosscloud_mnist.serving.inference.model import ServedModel
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog
from crosscloud_mnist.serving.telemetry.metrics import Metrics
from crosscloud_mnist.serving.telemetry.request_log import RequestLog

_PAGE = Path(__file__).parent / "page"
_ROUTING_ERRORS = {  # in place of Starlette's own
    "Not Found": "there is nothing at this path; /openapi.json lists the paths and the model",
    "Method Not Allowed": "this path takes another method; /openapi.json lists them",
}


def create_app(
    model: ServedModel,
    token: BearerToken | None = None,
    request_log: RequestLog | None = None,
    inference_log: InferenceLog | None = None,
    allowed_hosts: AllowedHosts | None = None,
    *,
    reports: Path | None = None,
    min_confidence: float | None = None,
) -> Starlette:
    """Return the REST API of a model as an ASGI application.

    Args:
        model: The model, verified.
        token: The bearer token that clients must send; ``None`` for no authentication.
        request_log: The request log, if it is on; flushed at shutdown.
        inference_log: The inference log, if it is on; closed at shutdown.
        allowed_hosts: The names of the endpoint; only loopback names by default.
        reports: Folder of the reports of releases, if there is one.
        min_confidence: Probability below which the page asks for a person to check the prediction;
            that of the contract by default.
    """
    contract = model.contract
    metrics, budget = Metrics(contract.classes, contract.min_probability), BodyBudget()
    predictor = Predictor(model, metrics)
    image = ImageEndpoint(predictor, budget, contract)
    report = ReportEndpoint(reports, model)
    if min_confidence is None:
        min_confidence = contract.min_probability
    description = DescriptionEndpoints(model, report, min_confidence)
    tf_model = f"/v1/models/{model.name}"
    tf_version = f"{tf_model}/versions/{model.version}"
    predict_endpoints = [
        PredictEndpoint("/invocations", predictor, budget),
        PredictEndpoint(f"/serving-endpoints/{model.name}/invocations", predictor, budget),
        *(
            PredictEndpoint(f"{path}:predict", predictor, budget, TF_SERVING_MEDIA_TYPES)
            for path in (tf_model, tf_version, f"{tf_model}/labels/{{label}}")
        ),
    ]

    async def render_metrics(_request: Request) -> Response:
        content, media_type = metrics.render()
        return Response(content, media_type=media_type)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        if request_log:
            request_log.flush()
        if inference_log:
            inference_log.close()

    predict_routes = [
        Route(endpoint.route, endpoint, methods=["POST"]) for endpoint in predict_endpoints
    ]
    app = Starlette(
        routes=[
            *predict_routes,
            *(Route(path, description.tf_status) for path in (tf_model, tf_version)),
            *(
                Route(f"{path}/metadata", description.tf_metadata)
                for path in (tf_model, tf_version)
            ),
            Route("/image", image.predict_file, methods=["POST"]),
            Route("/image/steps", image.trace_file, methods=["POST"]),
            Route(REPORT_PATH, report.page),
            Route("/health", description.health),
            Route("/ping", description.health),
            Route("/version", description.version),
            Route("/metrics", render_metrics),
            Route("/openapi.json", description.openapi),
            Route("/", lambda _: FileResponse(_PAGE / "index.html")),
            Mount("/page", StaticFiles(directory=_PAGE)),
        ],
        exception_handlers={HTTPException: _to_error_response, Exception: _to_error_response},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.add_middleware(
        RequestMiddleware,
        allowed_hosts=allowed_hosts or AllowedHosts(),
        token=token,
        metrics=metrics,
        model_version=model.version,
        predict_routes=predict_routes,
        request_log=request_log,
        inference_log=inference_log,
    )
    return app


def _to_error_response(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        detail = _ROUTING_ERRORS.get(error.detail, error.detail)
        return error_response(request.url.path, error.status_code, detail, error.headers)
    return error_response(request.url.path, 500, "internal error")
