"""What MLflow calls in a bundle: the class itself, of which the bundle holds a copy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from crosscloud_mnist.bundle.python_model import MnistModel

SHAPE = "expected [n, 28, 28] and n >= 1"


@pytest.fixture(scope="module")
def model(tiny_bundle):
    artifacts = {
        "onnx": str(tiny_bundle.onnx),
        "contract": str(tiny_bundle.folder / "artifacts" / "contract.json"),
    }
    model = MnistModel()
    model.load_context(SimpleNamespace(artifacts=artifacts))
    return model


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_images_are_predicted_alone_or_by_the_name_of_the_signature(model, tiny_bundle, dtype):
    golden = tiny_bundle.golden()
    images = golden.images.astype(dtype)
    for model_input in (images, {"images": images}):
        probabilities = model.predict(None, model_input)
        np.testing.assert_allclose(probabilities, golden.expected, atol=1e-5)
        assert probabilities.dtype == np.float32


@pytest.mark.parametrize("shape", [(28,), (0, 28, 28), (1, 28, 27), (1, 28, 28, 1)])
def test_another_shape_is_named_with_the_one_of_the_contract(model, shape):
    assert reject(model, np.zeros(shape)) == f"found images of shape {shape}, {SHAPE}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "values that are not finite, expected whole numbers 0 to 255"),
        (-1, "values out of range, expected whole numbers 0 to 255"),
        (256, "values out of range, expected whole numbers 0 to 255"),
        (2.5, "values that are not whole, expected 0 to 255; do not scale the pixels"),
        (1, "no pixel above 1 in an image, expected 0 to 255; do not scale the pixels"),
    ],
)
def test_a_value_that_is_no_pixel_is_named_in_any_image(model, value, message):
    images = np.zeros((2, 28, 28))
    images[0, 0, 0], images[1, 3, 4] = 255, value
    assert reject(model, images) == f"found {message}"


@pytest.mark.parametrize("value", [0, 2, 255])
def test_the_bounds_of_a_pixel_are_accepted(model, value):
    assert model.predict(None, np.full((1, 28, 28), value)).shape == (1, 10)


def reject(model, images):
    with pytest.raises(MlflowException) as raised:
        model.predict(None, images)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    return str(raised.value).removeprefix("INVALID_PARAMETER_VALUE: ")
