"""The JSON body of a predict request, decoded to images.

Everything else than the contract's images is rejected: a wrong shape, a boolean, a string, a number
that is not whole or out of range. No message repeats what was sent.
"""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

MAX_IMAGES = 1024
MAX_BODY_BYTES = 16 * 2**20

_Row = Annotated[list[int], Meta(min_length=28, max_length=28)]
_Image = Annotated[list[_Row], Meta(min_length=28, max_length=28)]
_Images = Annotated[list[_Image], Meta(min_length=1, max_length=MAX_IMAGES)]

# The contract also takes whole numbers that are written as floats, such as 7.0.
Pixel = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
_AnyRow = Annotated[list[Pixel], Meta(min_length=28, max_length=28)]
_AnyImage = Annotated[list[_AnyRow], Meta(min_length=28, max_length=28)]
_AnyImages = Annotated[list[_AnyImage], Meta(min_length=1, max_length=MAX_IMAGES)]

# Images with a channel: [28, 28, 1].
_Channel = Annotated[list[Pixel], Meta(min_length=1, max_length=1)]
_ChannelRow = Annotated[list[_Channel], Meta(min_length=28, max_length=28)]
_ChannelImage = Annotated[list[_ChannelRow], Meta(min_length=28, max_length=28)]
_ChannelImages = Annotated[list[_ChannelImage], Meta(min_length=1, max_length=MAX_IMAGES)]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """The fields that are accepted and not used here."""

    signature_name: str | UnsetType = UNSET  # TensorFlow Serving's clients send it
    client_request_id: str | UnsetType = UNSET  # Databricks' clients do; for the inference log


class _IntegerImagesRequest(_Request):
    instances: _Images | UnsetType = UNSET
    inputs: _Images | UnsetType = UNSET


class ImagesRequest(_Request):
    """Images [n, 28, 28]."""

    instances: _AnyImages | UnsetType = UNSET
    inputs: _AnyImages | UnsetType = UNSET


class ChannelImagesRequest(_Request):
    """Images [n, 28, 28, 1]."""

    instances: _ChannelImages | UnsetType = UNSET
    inputs: _ChannelImages | UnsetType = UNSET


_decode_integers = msgspec.json.Decoder(_IntegerImagesRequest).decode
_decode_numbers = msgspec.json.Decoder(ImagesRequest).decode
_decode_channels = msgspec.json.Decoder(ChannelImagesRequest).decode

_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class PayloadError(Exception):
    """The body holds no valid images; the message is one line and repeats nothing of it."""


def decode_images(body: bytes) -> NDArray[np.uint8]:
    """Return the images [n, 28, 28], uint8, of ``{"instances": [...]}`` or ``{"inputs": [...]}``.

    Args:
        body: JSON; each image [28, 28] or [28, 28, 1], whole numbers 0 to 255.

    Raises:
        PayloadError: The body is not that.
    """
    try:  # integers, which nearly all clients send, take half the time
        rows = chain.from_iterable(_get_images(_decode_integers(body)))
        return np.frombuffer(b"".join(map(bytes, rows)), np.uint8).reshape(-1, 28, 28)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        pass  # bytes() takes 0 to 255 only; the decoders below find the reason
    try:
        return _to_array(_get_images(_decode_numbers(body)))
    except msgspec.ValidationError as error:
        if "got `array`" not in str(error):
            raise _invalid_images(error) from error
    except _NOT_JSON as error:
        raise _not_json() from error
    try:
        return _to_array(_get_images(_decode_channels(body)))
    except msgspec.ValidationError as error:
        raise _invalid_images(error) from error
    except _NOT_JSON as error:
        raise _not_json() from error


def _not_json() -> PayloadError:
    return PayloadError("the body is not JSON, expected an object with instances")


def _invalid_images(error: Exception) -> PayloadError:
    found = str(error)
    if "unknown field" in found:  # the one message of msgspec that repeats what was sent
        found = "Object contains an unknown field"
    return PayloadError(
        f"{found}; expected images [n, 28, 28] of whole numbers 0 to 255, at most {MAX_IMAGES}"
    )


def _to_array(images: object) -> NDArray[np.uint8]:
    return np.array(images, dtype=np.float64).astype(np.uint8).reshape(-1, 28, 28)


def _get_images(request: _IntegerImagesRequest | ImagesRequest | ChannelImagesRequest) -> Any:
    """Return the one of the two fields that is set."""
    instances, inputs = request.instances, request.inputs
    if (instances is UNSET) == (inputs is UNSET):
        found = "neither" if inputs is UNSET else "both"
        raise PayloadError(f"found {found} of instances and inputs, expected one of them")
    return inputs if instances is UNSET else instances
