"""The model as MLflow serves it: a file that travels in the bundle as it stands.

It is loaded by "models from code" (https://mlflow.org/docs/latest/ml/model/models-from-code), so
that no pickle travels, and needs nothing of this package.
"""

from __future__ import annotations

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class MnistModel(PythonModel):
    """Images to the probabilities of the ten digits, over ONNX Runtime."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the graph."""
        import onnxruntime

        self._session = onnxruntime.InferenceSession(
            context.artifacts["onnx"], providers=["CPUExecutionProvider"]
        )

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  the session was opened with it
        model_input: np.ndarray,
        params: dict[str, object] | None = None,  # noqa: ARG002  MLflow's signature
    ) -> np.ndarray:
        """Answer images.

        Args:
            context: Not used.
            model_input: [n, 28, 28], whole numbers 0 to 255 of any dtype, light ink on dark ground.
            params: Not used.

        Returns:
            [n, 10] float32: the probability of each digit.

        Raises:
            MlflowException: A value is not finite, not whole or out of range: most often pixels
                that somebody scaled to 0..1.
        """
        pixels = np.asarray(model_input)
        if pixels.ndim != 3 or pixels.shape[1:] != (28, 28) or not len(pixels):
            raise _refusal(f"images of shape {pixels.shape}, expected [n, 28, 28] and n >= 1")
        if not np.isfinite(pixels).all():
            raise _refusal("values that are not finite, expected whole numbers 0 to 255")
        if pixels.min() < 0 or pixels.max() > 255:
            raise _refusal("values out of range, expected whole numbers 0 to 255")
        if (pixels != np.floor(pixels)).any():
            raise _refusal("values that are not whole, expected 0 to 255; do not scale the pixels")
        answer: np.ndarray = self._session.run(
            ["probabilities"], {"images": pixels.astype(np.uint8)}
        )[0]
        return answer


def _refusal(reason: str) -> MlflowException:
    return MlflowException(f"found {reason}", error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(MnistModel())
