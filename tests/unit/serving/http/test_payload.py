"""Request bodies: decoded to images, or rejected in one line that repeats nothing of them."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscloud_mnist.serving.http.payload import MAX_IMAGES, ImageDecoder, PayloadError
from rehearsal.mnist_contract import mnist_contract

decode_images = ImageDecoder(mnist_contract().image_shape).decode
IMAGE = np.arange(784).reshape(28, 28) % 256


def body(images: object, key: str = "instances", **more: object) -> bytes:
    return json.dumps({key: images, **more}).encode()


def with_value(text: str) -> bytes:
    """A body with the text in the place of one pixel."""
    return body([IMAGE.tolist()]).replace(b"[[[0, 1,", f"[[[0, {text},".encode(), 1)


@pytest.mark.parametrize("key", ["instances", "inputs"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
@pytest.mark.parametrize("kind", [int, float])
def test_images_are_decoded(key, count, shape, kind):
    images = np.stack([IMAGE.reshape(shape)] * count).astype(kind)
    decoded = decode_images(body(images.tolist(), key, signature_name="serving_default"))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, [IMAGE] * count)


@pytest.mark.parametrize(
    "value",
    [
        *("0.5", "1.9", "0.00392156862745098", "256", "-1", "1e9", "1e999", "NaN", "Infinity"),
        *("null", "true", "false", '"7"', "[]", "{}", "[1, 2]", ""),
    ],
)
def test_a_value_that_is_no_pixel_is_rejected(value):
    sent = with_value(value)
    assert sent != body([IMAGE.tolist()])
    with pytest.raises(PayloadError) as raised:
        decode_images(sent)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    "images",
    [
        [],
        [[]],
        IMAGE.tolist(),
        [IMAGE[:27].tolist()],
        [IMAGE[:, :27].tolist()],
        [[*IMAGE[:27].tolist(), IMAGE[27, :20].tolist()]],
        [IMAGE.ravel().tolist()],
        [[IMAGE.tolist()]],
        np.zeros((1, 28, 28, 3), int).tolist(),
        "pixels",
        7,
        None,
        {"0": IMAGE.tolist()},
        [IMAGE.tolist(), None],
        [IMAGE.tolist(), IMAGE[..., None].tolist()],
        [[[0] * 28] * 28] * (MAX_IMAGES + 1),
    ],
    ids=range(16),
)
def test_everything_that_is_no_list_of_images_is_rejected(images):
    with pytest.raises(PayloadError):
        decode_images(body(images))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"instances=1",
        b"[]",
        b"{}",
        body([IMAGE.tolist()], inputs=[IMAGE.tolist()]),
        body([IMAGE.tolist()], instance=1),
        b"[" * 100_000,
        b'{"instances":' + b"[" * 100_000,
        b'{"instances": [[[[',
    ],
    ids=range(11),
)
def test_a_body_that_is_no_request_is_rejected(sent):
    with pytest.raises(PayloadError):
        decode_images(sent)


def test_the_message_repeats_nothing_of_the_request():
    with pytest.raises(PayloadError) as raised:
        decode_images(body([[["secret"] * 28] * 28]))
    assert "secret" not in str(raised.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.integers(0, 27), st.integers(0, 27), values, st.sampled_from(["pixel", "row", "all"]))
def test_any_body_gives_images_or_one_line(row, column, value, where):
    images = [IMAGE.tolist()]
    if where == "pixel":
        images[0][row][column] = value
    elif where == "row":
        images[0][row] = value
    sent = body(value if where == "all" else images)
    try:
        decoded = decode_images(sent)
    except PayloadError:
        return
    assert where == "pixel"
    assert isinstance(value, int | float)
    assert decoded.shape == (1, 28, 28)
    assert decoded[0, row, column] == value


def channels(images):
    return np.array(images)[..., None].tolist()


@pytest.mark.parametrize("convert", [list, channels], ids=["plain", "channel"])
@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("count", [1, 3, 200])
def test_images_may_carry_the_name_of_the_models_input(count, kind, convert):
    images = convert([IMAGE.astype(kind).tolist()] * count)
    rows = {"instances": [{"images": image} for image in images]}
    columns = {"inputs": {"images": images}}
    for form in (rows, columns):
        np.testing.assert_array_equal(decode_images(json.dumps(form).encode()), [IMAGE] * count)


@pytest.mark.parametrize(
    "form",
    [
        {"instances": [{"pixels": IMAGE.tolist()}]},
        {"instances": [{"images": IMAGE.tolist(), "secret": 1}]},
        {"instances": [{"images": [IMAGE.tolist()]}]},
        {"instances": [{"images": IMAGE.tolist()}, {}]},
        {"instances": {"images": [IMAGE.tolist()]}},
        {"inputs": {"pixels": [IMAGE.tolist()]}},
        {"inputs": {"images": IMAGE.tolist()}},
        {"inputs": {"images": []}},
        {"inputs": [{"images": IMAGE.tolist()}]},
        {"instances": [{"images": IMAGE.tolist()}, IMAGE.tolist()]},
        {"instances": [IMAGE.tolist(), {"images": IMAGE.tolist()}]},
    ],
    ids=range(11),
)
def test_another_name_or_shape_in_a_named_form_is_rejected(form):
    with pytest.raises(PayloadError) as raised:
        decode_images(json.dumps(form).encode())
    assert "secret" not in str(raised.value)
    assert "pixels" not in str(raised.value).replace("pixels were", "")


@pytest.mark.parametrize("field", ["dataframe_split", "dataframe_records", "params"])
def test_mlflows_other_forms_are_rejected_by_name_with_the_form_to_send(field):
    with pytest.raises(PayloadError, match=f"{field} is not supported; send .*instances"):
        decode_images(body([IMAGE.tolist()], **{field: {}}))


def test_an_unknown_field_is_answered_with_the_form():
    with pytest.raises(PayloadError, match=r'unknown; send \{"instances": \[image') as raised:
        decode_images(b'{"secret-name": 1}')
    assert "secret-name" not in str(raised.value)


@pytest.mark.parametrize("name", ["", "predict", "serving_default2"])
def test_another_signature_name_is_rejected(name):
    with pytest.raises(PayloadError, match="signature_name is unknown, expected serving_default"):
        decode_images(body([IMAGE.tolist()], signature_name=name))


def test_an_image_of_zeros_and_ones_is_rejected_and_a_blank_one_is_decoded():
    blank = np.zeros((28, 28), int)
    scaled = blank.copy()
    scaled[3, 4] = 1
    for images in ([scaled], [IMAGE, scaled], [IMAGE] * 200 + [scaled]):
        for kind in (int, float):
            sent = body(np.array(images).astype(kind).tolist())
            with pytest.raises(PayloadError, match="no pixel above 1.*expected .* 0 to 255"):
                decode_images(sent)
    np.testing.assert_array_equal(decode_images(body([blank.tolist()])), [blank])


@pytest.mark.parametrize("count", [1, 200])
def test_the_message_names_the_place_of_the_error(count):
    images = [IMAGE.tolist()] * count
    images[-1] = (IMAGE + 0.5).tolist()
    with pytest.raises(PayloadError, match=rf"at `\$.instances\[{count - 1}\]\[0\]\[0\]`"):
        decode_images(body(images))
    with pytest.raises(PayloadError, match=rf"at `\$.inputs.images\[{count - 1}\]\[0\]\[0\]`"):
        decode_images(json.dumps({"inputs": {"images": images}}).encode())


@pytest.mark.parametrize(
    "content",
    [
        b'{"instances":[[[' + b"0," * 2_000_000 + b"0]]]}",
        b'{"instances":[' + b"[]," * 2_000_000 + b"[]]}",
        b'{"instances":[[[' + b"1e1," * 2_000_000 + b"0]]]}",
    ],
    ids=["numbers", "lists", "floats"],
)
def test_more_numbers_or_lists_than_any_request_holds_take_no_memory(content):
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError, match="too many numbers or lists"):
            decode_images(content)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_the_largest_request_is_decoded(kind, shape):
    images = np.resize(IMAGE, (MAX_IMAGES, *shape))
    decoded = decode_images(body(images.astype(kind).tolist()))
    np.testing.assert_array_equal(decoded, images.reshape(-1, 28, 28))


COLOUR = np.arange(4 * 5 * 3).reshape(4, 5, 3)
decode_colour = ImageDecoder((4, 5, 3)).decode


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize("count", [1, 3])
def test_colour_images_are_decoded_in_every_form(count, kind):
    images = np.stack([COLOUR] * count).astype(kind).tolist()
    named = [{"images": image} for image in images]
    for sent in (body(images), body(named), body({"images": images}, "inputs")):
        np.testing.assert_array_equal(decode_colour(sent), [COLOUR] * count)


@pytest.mark.parametrize(
    "images",
    [
        [COLOUR[..., 0].tolist()],
        [COLOUR[..., :1].tolist()],
        [COLOUR[:3].tolist()],
        [(COLOUR + 250).tolist()],
        [(COLOUR % 2).tolist()],
        [(COLOUR / 2).tolist()],
    ],
    ids=("gray", "one channel", "short", "above 255", "scaled", "not whole"),
)
def test_what_is_no_colour_image_of_the_contract_is_rejected(images):
    with pytest.raises(PayloadError, match="whole numbers 0 to 255"):
        decode_colour(body(images))
