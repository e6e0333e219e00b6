"""The JSON body of a predict request, decoded to images.

Everything else than the contract's images is rejected: a wrong shape, a boolean, a string, a number
that is not whole or out of range, pixels that were scaled to 0..1. No message repeats what was
sent. Integers in the usual form are decoded at once; every other form is decoded image by image,
which also bounds the memory and lets other threads run in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, Raw, UnsetType
from numpy.typing import NDArray

from crosscloud_mnist.contract import INPUT
from crosscloud_mnist.serving.http.schema import MAX_IMAGES, SIGNATURE_NAME, build_schema

MAX_INLINE_BYTES = 128 * 2**10  # a larger body is decoded image by image, in a thread
_SCAN_BYTES = 2**20
_ZERO_AND_ONE = b"\x00\x01"


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


_decode_raw = msgspec.json.Decoder(_RawRequest).decode
_decode_named = msgspec.json.Decoder(_NamedImage).decode
_flatten = chain.from_iterable

_Value = TypeVar("_Value")
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class PayloadError(Exception):
    """The body holds no valid images; the message is one line and repeats nothing of it."""


class ImageDecoder:
    """Decodes the bodies of predict requests; the types of its images are built once.

    Args:
        image_shape: As a contract has it: [height, width], or [height, width, 3].
    """

    def __init__(self, image_shape: tuple[int, ...]) -> None:
        schema = build_schema(image_shape)
        self._shape, self._batch_shape = image_shape, (-1, *image_shape)
        self._is_colour = len(image_shape) > 2
        self._decode_usual = msgspec.json.Decoder(schema.integer_request).decode
        self._decode_integers = msgspec.json.Decoder(schema.integer_image).decode
        self._decode_numbers = msgspec.json.Decoder(schema.image).decode
        self._decode_channels = (
            msgspec.json.Decoder(schema.channel_image).decode if schema.channel_image else None
        )
        height, width = image_shape[:2]
        self._max_commas = MAX_IMAGES * (math.prod(image_shape) + 1) + 100
        self._max_brackets = MAX_IMAGES * (height * (width + 1) + 2) + 100
        shape = ", ".join(map(str, image_shape))
        values = "whole numbers 0 to 255"
        pixels = f"pixels of {image_shape[2]} {values}" if self._is_colour else values
        self._expected = f"expected images [n, {shape}] of {values}, at most {MAX_IMAGES}"
        self._form = (
            f'send {{"instances": [image, ...]}}, each image {height} rows of {width} {pixels}'
        )

    def decode(self, body: bytes | bytearray) -> NDArray[np.uint8]:
        """Return the images ``[n, *image_shape]``, uint8, of a predict request.

        Args:
            body: JSON; ``{"instances": [image, ...]}`` or ``{"inputs": [image, ...]}``, or with the
                input's name ``{"instances": [{"images": image}, ...]}`` or
                ``{"inputs": {"images": [image, ...]}}``. Each image has the shape, or, if it is
                gray, one more axis of 1; its values are whole numbers 0 to 255.

        Raises:
            PayloadError: The body is not that.
        """
        images = self._decode_usual_form(body) if len(body) <= MAX_INLINE_BYTES else None
        if images is None:
            images = self._decode_any_form(body)
        if len(images) > 1 or not images.tobytes().strip(_ZERO_AND_ONE):  # the fastest test
            _reject_scaled(images)
        return images

    def _decode_usual_form(self, body: bytes | bytearray) -> NDArray[np.uint8] | None:
        """Return the images, or ``None`` where the body has another form or is not valid."""
        try:
            request = self._decode_usual(body)
            images = request.inputs if request.instances is UNSET else request.instances
            if images is UNSET or (request.inputs is not UNSET and request.instances is not UNSET):
                return None
            rows = _flatten(images)
            if self._is_colour:
                rows = _flatten(rows)
            content = b"".join(map(bytes, rows))  # bytes() takes 0 to 255 only
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            return None
        return np.frombuffer(content, np.uint8).reshape(self._batch_shape)

    def _decode_any_form(self, body: bytes | bytearray) -> NDArray[np.uint8]:
        if len(body) > MAX_INLINE_BYTES:
            self._check_size(body)
        try:
            raw_images = self._get_raw_images(_decode_raw(body))
            images = [self._decode_image(raw, path) for path, raw in raw_images]
        except msgspec.ValidationError as error:
            raise self._invalid(str(error)) from error
        except _NOT_JSON as error:
            raise PayloadError("the body is not JSON, expected an object with instances") from error
        if len({image.shape for image in images}) > 1:
            raise self._invalid("some images have a channel and some do not")
        return np.stack(images).reshape(self._batch_shape)

    def _check_size(self, body: bytes | bytearray) -> None:
        """Reject more numbers and lists than the largest request holds, before memory is used."""
        content = np.frombuffer(body, np.uint8)
        commas = brackets = 0
        for start in range(0, len(content), _SCAN_BYTES):
            part = content[start : start + _SCAN_BYTES]
            commas += int(np.count_nonzero(part == ord(",")))
            brackets += int(np.count_nonzero(part == ord("[")))
        if commas > self._max_commas or brackets > self._max_brackets:
            raise self._invalid("the body holds too many numbers or lists")

    def _get_raw_images(self, request: _RawRequest) -> list[tuple[str, Raw]]:
        """Return the path and the JSON of each image, of whichever form was sent."""
        for name in ("dataframe_split", "dataframe_records", "params"):
            if getattr(request, name) is not UNSET:
                raise PayloadError(f"{name} is not supported; {self._form}")
        if request.signature_name not in (UNSET, SIGNATURE_NAME):
            raise PayloadError(f"the signature_name is unknown, expected {SIGNATURE_NAME}")
        instances, inputs = request.instances, request.inputs
        if (instances is UNSET) == (inputs is UNSET):
            found = "neither" if inputs is UNSET else "both"
            raise PayloadError(f"found {found} of instances and inputs, expected one of them")
        if isinstance(inputs, _NamedImages):
            return self._add_paths(f"inputs.{INPUT}", inputs.images)
        if isinstance(inputs, list):
            return self._add_paths("inputs", inputs)
        images = self._add_paths("instances", instances or [])
        if memoryview(images[0][1])[0] != ord("{"):
            return images
        return [
            (f"{path}.{INPUT}", self._decode_at(_decode_named, raw, path).images)
            for path, raw in images
        ]

    def _add_paths(self, field: str, images: list[Raw]) -> list[tuple[str, Raw]]:
        if not 1 <= len(images) <= MAX_IMAGES:
            raise self._invalid(f"found {len(images)} images - at `$.{field}`")
        return [(f"{field}[{index}]", raw) for index, raw in enumerate(images)]

    def _decode_image(self, raw: Raw, path: str) -> NDArray[np.uint8]:
        """Return one image, with one more axis of 1 if it is gray and was sent with a channel."""
        try:
            rows = self._decode_integers(raw)
            content = b"".join(map(bytes, _flatten(rows) if self._is_colour else rows))
            return np.frombuffer(content, np.uint8).reshape(self._shape)
        except (msgspec.MsgspecError, ValueError):
            pass  # floats, a channel or an invalid value
        try:
            return _to_array(self._decode_numbers(raw), self._shape)
        except msgspec.ValidationError as error:
            if self._decode_channels is None or "got `array`" not in str(error):
                raise self._invalid(_add_path(error, path)) from error
        channels = self._decode_at(self._decode_channels, raw, path)
        return _to_array(channels, (*self._shape, 1))

    def _decode_at(self, decode: Callable[[Raw], _Value], raw: Raw, path: str) -> _Value:
        try:
            return decode(raw)
        except msgspec.ValidationError as error:
            raise self._invalid(_add_path(error, path)) from error

    def _invalid(self, found: str) -> PayloadError:
        if "unknown field" in found:  # the one message of msgspec that repeats what was sent
            return PayloadError(f"a field of the body is unknown; {self._form}")
        return PayloadError(f"{found}; {self._expected}")


def _to_array(lists: Iterable[Any], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return nested lists of valid numbers as an array; NumPy is slow on nested ones."""
    for _ in shape[1:]:
        lists = _flatten(lists)
    return np.array(list(lists)).astype(np.uint8).reshape(shape)


def _add_path(error: msgspec.ValidationError, path: str) -> str:
    """Return msgspec's message, which names a place in the image, with the image's own place."""
    reason, _, place = str(error).partition(" - at `$")
    return f"{reason} - at `$.{path}{place or '`'}"


def _reject_scaled(images: NDArray[np.uint8]) -> None:
    """Reject an image of zeros and ones: its pixels were scaled. A blank image is valid."""
    pixels = images.reshape(len(images), -1)
    if (pixels.max(axis=1) == 1).any():
        raise PayloadError(
            "an image holds no pixel above 1: its pixels were scaled to 0..1, or it is no "
            "grayscale image; expected whole numbers 0 to 255, do not scale the pixels"
        )
