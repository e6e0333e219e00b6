"""The endpoints that describe the model: health, version, TensorFlow Serving's status, OpenAPI."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from crosscloud_mnist.contract import INPUT, OUTPUT
from crosscloud_mnist.serving.http.openapi import describe
from crosscloud_mnist.serving.http.report import ReportEndpoint
from crosscloud_mnist.serving.http.responses import json_response
from crosscloud_mnist.serving.inference.model import ServedModel


class DescriptionEndpoints:
    """What the served model is.

    Args:
        model: The model, verified.
        report: Its report.
        min_confidence: Probability below which a person should check a prediction.
    """

    def __init__(self, model: ServedModel, report: ReportEndpoint, min_confidence: float) -> None:
        self._model, self._report, self._min_confidence = model, report, min_confidence

    async def health(self, _request: Request) -> Response:
        """Report that the model is ready; its golden set was verified before the port opened."""
        return json_response({"status": "ok"})

    async def version(self, _request: Request) -> Response:
        """Report name, version, digest, card, contract and report of the model."""
        model = self._model
        return json_response(
            {
                "name": model.name,
                "version": model.version,
                "digest": model.digest,
                "card": model.card,
                "contract": model.contract.to_record(),
                "min_confidence": self._min_confidence,
                "report": self._report.path(),
            }
        )

    async def tf_status(self, _request: Request) -> Response:
        """Report the model's status as TensorFlow Serving does."""
        status = {"error_code": "OK", "error_message": ""}
        row = {"version": self._model.version, "state": "AVAILABLE", "status": status}
        return json_response({"model_version_status": [row]})

    async def tf_metadata(self, _request: Request) -> Response:
        """Report the model's signature as TensorFlow Serving does."""
        model = self._model
        signature = {
            "inputs": {INPUT: _tensor("DT_UINT8", (-1, *model.contract.image_shape))},
            "outputs": {OUTPUT: _tensor("DT_FLOAT", (-1, model.contract.class_count))},
            "method_name": "tensorflow/serving/predict",
        }
        return json_response(
            {
                "model_spec": {"name": model.name, "version": model.version},
                "metadata": {
                    "signature_def": {"signature_def": {"serving_default": signature}},
                },
            }
        )

    async def openapi(self, _request: Request) -> Response:
        """Describe every route as OpenAPI."""
        return json_response(describe(self._model.name, self._model.version, self._model.contract))


def _tensor(dtype: str, shape: tuple[int, ...]) -> dict[str, object]:
    dims = [{"size": str(size), "name": ""} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}
