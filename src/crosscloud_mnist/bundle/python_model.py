"""The model as MLflow serves it: this file is copied into the bundle.

MLflow loads it as "models from code" (https://mlflow.org/docs/latest/ml/model/models-from-code), so
the bundle holds no pickle. It imports nothing of this package.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class MnistModel(PythonModel):
    """Predicts the probabilities of the classes with ONNX Runtime."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the ONNX graph, and read the shape of an image from the contract."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        self._session = onnxruntime.InferenceSession(
            context.artifacts["onnx"], providers=["CPUExecutionProvider"]
        )
        contract = json.loads(Path(context.artifacts["contract"]).read_text())
        self._image_shape = tuple(contract["shape"][1:])

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  the graph is open
        model_input: np.ndarray,  # or a dict of it: MLflow warns of any other hint, and of none
        params: dict[str, object] | None = None,  # noqa: ARG002  MLflow's signature
    ) -> np.ndarray:
        """Predict images.

        Args:
            context: Not used.
            model_input: ``{"images": images}``, as the signature names them, or the images:
                ``[n, *image_shape]``, whole numbers 0 to 255 of any dtype, as the contract says.
            params: Not used.

        Returns:
            [n, classes] float32: the probability of each class.

        Raises:
            MlflowException: The shape is wrong, or a value is not finite, not whole or out of
                range, for example because the pixels were scaled to 0..1.
        """
        images = model_input["images"] if isinstance(model_input, dict) else model_input
        pixels = np.asarray(images)
        if pixels.ndim < 2 or pixels.shape[1:] != self._image_shape or not len(pixels):
            expected = ", ".join(map(str, self._image_shape))
            raise _invalid(f"images of shape {pixels.shape}, expected [n, {expected}] and n >= 1")
        if not np.isfinite(pixels).all():
            raise _invalid("values that are not finite, expected whole numbers 0 to 255")
        if pixels.min() < 0 or pixels.max() > 255:
            raise _invalid("values out of range, expected whole numbers 0 to 255")
        if (pixels != np.floor(pixels)).any():
            raise _invalid("values that are not whole, expected 0 to 255; do not scale the pixels")
        if (pixels.reshape(len(pixels), -1).max(axis=1) == 1).any():
            raise _invalid(
                "no pixel above 1 in an image, expected 0 to 255; do not scale the pixels"
            )
        probabilities: np.ndarray = self._session.run(
            ["probabilities"], {"images": pixels.astype(np.uint8)}
        )[0]
        return probabilities


def _invalid(found: str) -> MlflowException:
    return MlflowException(f"found {found}", error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(MnistModel())
