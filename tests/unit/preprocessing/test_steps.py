"""The steps that the page shows lead from the file to what the model gets."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from crosscloud_mnist.preprocessing import DigitSteps, steps, to_model_input
from crosscloud_mnist.preprocessing.preprocessor import Preprocessor
from rehearsal.mnist_contract import mnist_contract


def sheet() -> tuple[Image.Image, bytes]:
    image = Image.new("L", (600, 400), 240)
    image.paste(30, (280, 80, 320, 320))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return image, stream.getvalue()


def test_a_digit_has_the_gray_image_the_digit_and_the_model_input():
    image, content = sheet()
    shown = steps.trace_steps(content, mnist_contract())
    assert list(shown) == ["gray", "digit", "model_input"]
    np.testing.assert_array_equal(np.asarray(shown["model_input"]), to_model_input(image))
    assert max(shown["gray"].size) <= 256
    digit = np.asarray(shown["digit"])
    assert digit.dtype == np.uint8
    assert (digit.min(), digit.max()) == (0, 255)


def test_a_digit_of_more_than_full_strength_is_white(monkeypatch):
    digit = np.array([[-0.2, 0.5], [1, 1.4]], np.float32)
    traced = DigitSteps(Image.new("L", (2, 2)), digit, np.zeros((28, 28), np.uint8))
    monkeypatch.setattr(steps, "trace_digit", lambda _: traced)
    shown = steps.trace_steps(sheet()[1], mnist_contract())["digit"]
    np.testing.assert_array_equal(np.asarray(shown), [[0, 127], [255, 255]])


def test_another_preprocessing_has_the_model_input_alone():
    image, content = sheet()
    contract = replace(mnist_contract(), preprocessing="resize")
    shown = steps.trace_steps(content, contract)
    assert list(shown) == ["model_input"]
    expected = Preprocessor(contract)(image)
    np.testing.assert_array_equal(np.asarray(shown["model_input"]), expected)
