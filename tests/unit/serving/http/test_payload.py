"""Bodies: images come out, or one line that repeats nothing of what was sent."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscloud_mnist.serving.http.payload import MAX_PICTURES, PayloadError, decode

PICTURE = np.arange(784).reshape(28, 28) % 256


def body(images: object, key: str = "instances", **more: object) -> bytes:
    return json.dumps({key: images, **more}).encode()


def with_value(text: str) -> bytes:
    """A body with the text in the place of one pixel."""
    return body([PICTURE.tolist()]).replace(b"[[[0, 1,", f"[[[0, {text},".encode(), 1)


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
@pytest.mark.parametrize("kind", [int, float])
def test_takes_images(key, count, shape, kind):
    images = np.stack([PICTURE.reshape(shape)] * count).astype(kind)
    decoded = decode(body(images.tolist(), key, signature_name="serving_default"))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, [PICTURE] * count)


@pytest.mark.parametrize(
    "value",
    [
        *("0.5", "1.9", "0.00392156862745098", "256", "-1", "1e9", "1e999", "NaN", "Infinity"),
        *("null", "true", "false", '"7"', "[]", "{}", "[1, 2]", ""),
    ],
)
def test_refuses_what_is_no_pixel(value):
    sent = with_value(value)
    assert sent != body([PICTURE.tolist()])
    with pytest.raises(PayloadError) as raised:
        decode(sent)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    "images",
    [
        [],
        [[]],
        PICTURE.tolist(),
        [PICTURE[:27].tolist()],
        [PICTURE[:, :27].tolist()],
        [[*PICTURE[:27].tolist(), PICTURE[27, :20].tolist()]],
        [PICTURE.ravel().tolist()],
        [[PICTURE.tolist()]],
        np.zeros((1, 28, 28, 3), int).tolist(),
        "pixels",
        7,
        None,
        {"0": PICTURE.tolist()},
        [PICTURE.tolist(), None],
        [PICTURE.tolist(), PICTURE[..., None].tolist()],
        [[[0] * 28] * 28] * (MAX_PICTURES + 1),
    ],
    ids=range(16),
)
def test_refuses_what_is_no_image(images):
    with pytest.raises(PayloadError):
        decode(body(images))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"instances=1",
        b"[]",
        b"{}",
        body([PICTURE.tolist()], inputs=[PICTURE.tolist()]),
        body([PICTURE.tolist()], instance=1),
        b"[" * 100_000,
        b'{"instances":' + b"[" * 100_000,
        b'{"instances": [[[[',
    ],
    ids=range(11),
)
def test_refuses_what_is_no_request(sent):
    with pytest.raises(PayloadError):
        decode(sent)


def test_repeats_nothing_of_what_was_sent():
    with pytest.raises(PayloadError) as raised:
        decode(body([[["secret"] * 28] * 28]))
    assert "secret" not in str(raised.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.integers(0, 27), st.integers(0, 27), values, st.sampled_from(["pixel", "row", "all"]))
def test_whatever_is_sent_gives_images_or_one_line(row, column, value, where):
    images = [PICTURE.tolist()]
    if where == "pixel":
        images[0][row][column] = value
    elif where == "row":
        images[0][row] = value
    sent = body(value if where == "all" else images)
    try:
        decoded = decode(sent)
    except PayloadError:
        return
    assert where == "pixel"
    assert isinstance(value, int | float)
    assert decoded.shape == (1, 28, 28)
    assert decoded[0, row, column] == value
