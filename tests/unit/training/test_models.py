"""Models follow the contract; one of the user's own is trained as it is, or named in one line."""

from __future__ import annotations

import numpy as np
import pytest

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.models import build

COLOUR = Contract((12, 16, 3), "a colour", ("red", "green", "blue"), "resize")
OWN_MODELS = """
import keras
from keras import layers

def linear(image_shape, class_count):
    return keras.Sequential(
        [keras.Input(image_shape), layers.Flatten(), layers.Dense(class_count)]
    )
def wide(image_shape, class_count):
    return linear(image_shape, class_count + 1)
def layer(image_shape, class_count):
    return layers.Flatten()
def normalized(image_shape, class_count):
    inner = keras.Sequential([keras.Input(image_shape), layers.BatchNormalization()])
    return keras.Sequential(
        [keras.Input(image_shape), inner, layers.Flatten(), layers.Dense(class_count)]
    )
def fail(image_shape, class_count):
    raise ZeroDivisionError("no units")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(OWN_MODELS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["baseline", "own_models.linear"])
@pytest.mark.usefixtures("own")
def test_a_model_takes_the_images_and_returns_the_classes_of_the_contract(name):
    model = build(name, COLOUR, seed=0)
    logits = model(np.full((2, 12, 16, 3), 255, np.uint8))
    assert logits.shape == (2, 3)
    assert logits.dtype == "float32"


@pytest.mark.usefixtures("own")
def test_a_model_of_the_users_gets_values_of_0_to_1():
    model = build("own_models.linear", COLOUR, seed=0)
    kernel, bias = model.get_weights()
    logits = model(np.full((1, 12, 16, 3), 255, np.uint8))
    np.testing.assert_allclose(logits[0], kernel.sum(axis=0) + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wide", r"its output has the shape \(None, 4\)"),
        ("layer", "it returned Flatten"),
        ("normalized", "it uses batch normalization; use LayerNormalization instead"),
        ("fail", "ZeroDivisionError: no units"),
        ("missing", "own_models has no such function"),
    ],
)
@pytest.mark.usefixtures("own")
def test_a_function_that_creates_no_such_model_is_named_in_one_line(name, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        build(f"own_models.{name}", COLOUR, seed=0)
    assert "\n" not in str(raised.value)


def test_images_that_are_too_small_for_a_model_are_named():
    with pytest.raises(ConfigurationError, match="best does not fit images of 12 x 16 x 3"):
        build("best", COLOUR, seed=0)
