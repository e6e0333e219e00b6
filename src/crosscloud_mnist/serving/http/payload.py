"""The JSON body of a predict request, decoded to images.

Everything else than the contract's images is rejected: a wrong shape, a boolean, a string, a number
that is not whole or out of range, pixels that were scaled to 0..1. No message repeats what was
sent. Integers in the usual form are decoded at once; every other form is decoded image by image,
which also bounds the memory and lets other threads run in between.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType
from numpy.typing import NDArray

from crosscloud_mnist.serving.http.schema import (
    INPUT_NAME,
    MAX_IMAGES,
    SIGNATURE_NAME,
    ChannelImage,
    Image,
    IntegerImage,
    IntegerImages,
)

MAX_INLINE_BYTES = 128 * 2**10  # a larger body is decoded image by image, in a thread
_SIDE = 28
_MAX_COMMAS = MAX_IMAGES * (_SIDE * _SIDE + 1) + 100
_MAX_BRACKETS = MAX_IMAGES * (_SIDE * (_SIDE + 1) + 2) + 100
_SCAN_BYTES = 2**20
_ZERO_AND_ONE = b"\x00\x01"
_EXPECTED = f"expected images [n, 28, 28] of whole numbers 0 to 255, at most {MAX_IMAGES}"
_FORM = 'send {"instances": [image, ...]}, each image 28 rows of 28 whole numbers 0 to 255'


class _IntegerRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The usual form."""

    instances: IntegerImages | UnsetType = UNSET
    inputs: IntegerImages | UnsetType = UNSET
    signature_name: Literal["serving_default"] | UnsetType = UNSET
    client_request_id: str | UnsetType = UNSET


class _NamedImages(msgspec.Struct, forbid_unknown_fields=True):
    images: list[Raw]


class _NamedImage(msgspec.Struct, forbid_unknown_fields=True):
    images: Raw


class _RawRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Every form; also the fields of MLflow's other forms, to reject them by name."""

    instances: list[Raw] | UnsetType = UNSET
    inputs: list[Raw] | _NamedImages | UnsetType = UNSET
    signature_name: str | UnsetType = UNSET  # TensorFlow Serving's clients send it
    client_request_id: str | UnsetType = UNSET  # Databricks' clients do; for the inference log
    dataframe_split: Raw | UnsetType = UNSET
    dataframe_records: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


_decode_usual = msgspec.json.Decoder(_IntegerRequest).decode
_decode_raw = msgspec.json.Decoder(_RawRequest).decode
_decode_named = msgspec.json.Decoder(_NamedImage).decode
_decode_integers = msgspec.json.Decoder(IntegerImage).decode
_decode_numbers = msgspec.json.Decoder(Image).decode
_decode_channels = msgspec.json.Decoder(ChannelImage).decode

_Value = TypeVar("_Value")
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class PayloadError(Exception):
    """The body holds no valid images; the message is one line and repeats nothing of it."""


def decode_images(body: bytes | bytearray) -> NDArray[np.uint8]:
    """Return the images [n, 28, 28], uint8, of a predict request.

    Args:
        body: JSON; ``{"instances": [image, ...]}`` or ``{"inputs": [image, ...]}``, or with the
            input's name ``{"instances": [{"images": image}, ...]}`` or
            ``{"inputs": {"images": [image, ...]}}``. Each image is [28, 28] or [28, 28, 1], whole
            numbers 0 to 255.

    Raises:
        PayloadError: The body is not that.
    """
    images = _decode_usual_form(body) if len(body) <= MAX_INLINE_BYTES else None
    if images is None:
        images = _decode_any_form(body)
    if len(images) > 1 or not images.tobytes().strip(_ZERO_AND_ONE):  # strip() is the fastest test
        _reject_scaled(images)
    return images


def _decode_usual_form(body: bytes | bytearray) -> NDArray[np.uint8] | None:
    """Return the images, or ``None`` where the body has another form or is not valid."""
    try:
        request = _decode_usual(body)
        images = request.inputs if request.instances is UNSET else request.instances
        if images is UNSET or (request.inputs is not UNSET and request.instances is not UNSET):
            return None
        rows = b"".join(map(bytes, chain.from_iterable(images)))  # bytes() takes 0 to 255 only
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    return np.frombuffer(rows, np.uint8).reshape(-1, _SIDE, _SIDE)


def _decode_any_form(body: bytes | bytearray) -> NDArray[np.uint8]:
    if len(body) > MAX_INLINE_BYTES:
        _check_size(body)
    try:
        images = [_decode_image(raw, path) for path, raw in _get_raw_images(_decode_raw(body))]
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    except _NOT_JSON as error:
        raise PayloadError("the body is not JSON, expected an object with instances") from error
    if len({image.shape for image in images}) > 1:
        raise _invalid("some images have a channel and some do not")
    return np.stack(images).reshape(-1, _SIDE, _SIDE)


def _check_size(body: bytes | bytearray) -> None:
    """Reject more numbers and lists than the largest request holds, before memory is used."""
    content = np.frombuffer(body, np.uint8)
    commas = brackets = 0
    for start in range(0, len(content), _SCAN_BYTES):
        part = content[start : start + _SCAN_BYTES]
        commas += int(np.count_nonzero(part == ord(",")))
        brackets += int(np.count_nonzero(part == ord("[")))
    if commas > _MAX_COMMAS or brackets > _MAX_BRACKETS:
        raise _invalid("the body holds too many numbers or lists")


def _get_raw_images(request: _RawRequest) -> list[tuple[str, Raw]]:
    """Return the path and the JSON of each image, of whichever form was sent."""
    for name in ("dataframe_split", "dataframe_records", "params"):
        if getattr(request, name) is not UNSET:
            raise PayloadError(f"{name} is not supported; {_FORM}")
    if request.signature_name not in (UNSET, SIGNATURE_NAME):
        raise PayloadError(f"the signature_name is unknown, expected {SIGNATURE_NAME}")
    instances, inputs = request.instances, request.inputs
    if (instances is UNSET) == (inputs is UNSET):
        found = "neither" if inputs is UNSET else "both"
        raise PayloadError(f"found {found} of instances and inputs, expected one of them")
    if isinstance(inputs, _NamedImages):
        return _add_paths(f"inputs.{INPUT_NAME}", inputs.images)
    if isinstance(inputs, list):
        return _add_paths("inputs", inputs)
    images = _add_paths("instances", instances or [])
    if memoryview(images[0][1])[0] != ord("{"):
        return images
    return [
        (f"{path}.{INPUT_NAME}", _decode_at(_decode_named, raw, path).images)
        for path, raw in images
    ]


def _add_paths(field: str, images: list[Raw]) -> list[tuple[str, Raw]]:
    if not 1 <= len(images) <= MAX_IMAGES:
        raise _invalid(f"found {len(images)} images - at `$.{field}`")
    return [(f"{field}[{index}]", raw) for index, raw in enumerate(images)]


def _decode_image(raw: Raw, path: str) -> NDArray[np.uint8]:
    """Return one image [28, 28], or [28, 28, 1] if it has a channel."""
    try:
        rows = b"".join(map(bytes, _decode_integers(raw)))
        return np.frombuffer(rows, np.uint8).reshape(_SIDE, _SIDE)
    except (msgspec.MsgspecError, ValueError):
        pass  # floats, a channel or an invalid value
    try:
        pixels = list(chain.from_iterable(_decode_numbers(raw)))
        return np.array(pixels).astype(np.uint8).reshape(_SIDE, _SIDE)
    except msgspec.ValidationError as error:
        if "got `array`" not in str(error):
            raise _invalid(_add_path(error, path)) from error
    channels = _decode_at(_decode_channels, raw, path)
    pixels = list(chain.from_iterable(chain.from_iterable(channels)))
    return np.array(pixels).astype(np.uint8).reshape(_SIDE, _SIDE, 1)


def _decode_at(decode: Callable[[Raw], _Value], raw: Raw, path: str) -> _Value:
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid(_add_path(error, path)) from error


def _add_path(error: msgspec.ValidationError, path: str) -> str:
    """Return msgspec's message, which names a place in the image, with the image's own place."""
    reason, _, place = str(error).partition(" - at `$")
    return f"{reason} - at `$.{path}{place or '`'}"


def _invalid(found: str) -> PayloadError:
    if "unknown field" in found:  # the one message of msgspec that repeats what was sent
        found = "Object contains an unknown field"
    return PayloadError(f"{found}; {_EXPECTED}")


def _reject_scaled(images: NDArray[np.uint8]) -> None:
    """Reject an image of zeros and ones: its pixels were scaled. A blank image is valid."""
    pixels = images.reshape(len(images), -1)
    if (pixels.max(axis=1) == 1).any():
        raise PayloadError(
            "an image holds no pixel above 1: its pixels were scaled to 0..1, or it is no "
            "grayscale image; expected whole numbers 0 to 255, do not scale the pixels"
        )
