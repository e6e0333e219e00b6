"""A contract's preprocessing: of digits, of whole images, or a function of the user's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError, ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.preprocessor import Preprocessor
from rehearsal.mnist_contract import mnist_contract

COLOUR = Contract((12, 16, 3), "a colour", ("red", "green"), "resize")
OWN_FUNCTIONS = """
import numpy as np
def darken(image, image_shape):
    height, width, _ = image_shape
    return np.asarray(image.resize((width, height))) // 2
def scale(image, image_shape):
    return np.zeros(image_shape, np.float32)
def crop(image, image_shape):
    return np.zeros((4, 4, 3), np.uint8)
def nothing(image, image_shape):
    return None
def fail(image, image_shape):
    raise ZeroDivisionError("no light")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return the preprocessor of one of the user's functions."""
    (tmp_path / "own_preprocessing.py").write_text(OWN_FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name: Preprocessor(replace(COLOUR, preprocessing=f"own_preprocessing.{name}"))


def test_mnists_contract_finds_the_digit(digits):
    image = Image.fromarray(digits["t10k-images-idx3-ubyte"][0])
    found = Preprocessor(mnist_contract())(image)
    np.testing.assert_array_equal(found, to_model_input(image))


@pytest.mark.parametrize("shape", [(12, 16, 3), (12, 16)])
def test_resize_leaves_a_model_input_unchanged(shape):
    model_input = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    preprocess = Preprocessor(replace(COLOUR, image_shape=shape))
    np.testing.assert_array_equal(preprocess(Image.fromarray(model_input)), model_input)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "L", "1", "I;16", "F"])
@pytest.mark.parametrize("shape", [(12, 16, 3), (12, 16)])
def test_resize_takes_images_of_any_size_and_mode(mode, shape):
    image = Image.new("L", (301, 77), 255) if mode == "I;16" else Image.new(mode, (301, 77))
    found = Preprocessor(replace(COLOUR, image_shape=shape))(image.convert(mode))
    assert (found.shape, found.dtype) == (shape, np.uint8)


def test_resize_keeps_colours_and_lays_transparent_images_on_white():
    image = Image.new("RGBA", (64, 48), (200, 100, 50, 255))
    image.paste((0, 0, 0, 0), (32, 0, 64, 48))
    found = Preprocessor(COLOUR)(image)
    assert found[6, 2].tolist() == [200, 100, 50]
    assert found[6, 13].tolist() == [255, 255, 255]


def test_resize_turns_an_image_upright(tmp_path):
    image = Image.new("RGB", (64, 48))
    image.paste((255, 255, 255), (0, 0, 64, 24))
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: upside down
    image.save(tmp_path / "turned.jpg", exif=exif)
    found = Preprocessor(COLOUR)(Image.open(tmp_path / "turned.jpg"))
    assert found[1].mean() < 10
    assert found[10].mean() > 245


def test_an_image_that_cannot_be_decoded_is_an_image_error(tmp_path):
    path = tmp_path / "cut.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ImageError, match="cannot be decoded"):
        Preprocessor(COLOUR)(Image.open(path))


def test_a_function_of_the_users_makes_the_model_input(own):
    found = own("darken")(Image.new("RGB", (64, 48), (200, 100, 50)))
    assert found[0, 0].tolist() == [100, 50, 25]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("scale", ConfigurationError, "returned float32, expected an array of uint8"),
        ("nothing", ConfigurationError, "returned NoneType, expected an array of uint8"),
        ("crop", ConfigurationError, "an image of 4 x 4 x 3, expected 12 x 16 x 3"),
        ("fail", ImageError, r"cannot be preprocessed by own_\S+ \(ZeroDivisionError: no light\)"),
    ],
)
def test_a_function_that_returns_something_else_is_named_in_one_line(own, name, error, message):
    with pytest.raises(error, match=message) as raised:
        own(name)(Image.new("RGB", (64, 48)))
    assert "\n" not in str(raised.value)


def test_preprocessing_of_digits_wants_their_shape():
    with pytest.raises(ConfigurationError, match=r"digit, whose images are 28 x 28, .* 12 x 16"):
        Preprocessor(replace(COLOUR, preprocessing="digit"))


def test_a_function_that_does_not_exist_is_named_with_its_setting(own):
    with pytest.raises(ConfigurationError, match=r"^contract\.preprocessing "):
        own("sharpen")
