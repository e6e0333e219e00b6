"""The body of a request to images, or to one line that says what is wrong with it.

Whatever is not an image as the contract says is refused: a wrong shape, a boolean, a string, a
number that is not whole or out of range. No message repeats what was sent.
"""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

MAX_PICTURES = 1024
MAX_BYTES = 16 * 2**20

_Row = Annotated[list[int], Meta(min_length=28, max_length=28)]
_Image = Annotated[list[_Row], Meta(min_length=28, max_length=28)]
_Images = Annotated[list[_Image], Meta(min_length=1, max_length=MAX_PICTURES)]

# The same as the contract has it: 7.0 is a whole number too.
Pixel = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
_AnyRow = Annotated[list[Pixel], Meta(min_length=28, max_length=28)]
_AnyImage = Annotated[list[_AnyRow], Meta(min_length=28, max_length=28)]
_AnyImages = Annotated[list[_AnyImage], Meta(min_length=1, max_length=MAX_PICTURES)]

# The same with a channel: [28, 28, 1].
_Channel = Annotated[list[Pixel], Meta(min_length=1, max_length=1)]
_ChannelRow = Annotated[list[_Channel], Meta(min_length=28, max_length=28)]
_ChannelImage = Annotated[list[_ChannelRow], Meta(min_length=28, max_length=28)]
_ChannelImages = Annotated[list[_ChannelImage], Meta(min_length=1, max_length=MAX_PICTURES)]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """What stands beside the images and is not looked at here."""

    signature_name: str | UnsetType = UNSET  # TensorFlow Serving's clients send it
    client_request_id: str | UnsetType = UNSET  # Databricks'; for the inference log


class _Integers(_Request):
    instances: _Images | UnsetType = UNSET
    inputs: _Images | UnsetType = UNSET


class Plain(_Request):
    """Images [n, 28, 28]."""

    instances: _AnyImages | UnsetType = UNSET
    inputs: _AnyImages | UnsetType = UNSET


class WithChannel(_Request):
    """Images [n, 28, 28, 1]."""

    instances: _ChannelImages | UnsetType = UNSET
    inputs: _ChannelImages | UnsetType = UNSET


_integers = msgspec.json.Decoder(_Integers)
_plain = msgspec.json.Decoder(Plain)
_with_channel = msgspec.json.Decoder(WithChannel)


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class PayloadError(Exception):
    """A body that holds no images; the message is one line and repeats nothing of it."""


def decode(body: bytes) -> NDArray[np.uint8]:
    """Return the images [n, 28, 28], uint8, of ``{"instances": [...]}`` or ``{"inputs": [...]}``.

    Args:
        body: JSON; each image [28, 28] or [28, 28, 1], whole numbers 0 to 255.

    Raises:
        PayloadError: It holds something else.
    """
    try:  # what nearly everyone sends, in half the time
        rows = chain.from_iterable(_rows(_integers.decode(body)))
        return np.frombuffer(b"".join(map(bytes, rows)), np.uint8).reshape(-1, 28, 28)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        pass  # bytes() takes 0 to 255 only; what is wrong, if it is, is found below
    try:
        return _images(_plain.decode(body))
    except msgspec.ValidationError as error:
        if "got `array`" not in str(error):
            raise _refused(error) from error
    except _NO_JSON as error:
        raise _no_json() from error
    try:
        return _images(_with_channel.decode(body))
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except _NO_JSON as error:
        raise _no_json() from error


def _no_json() -> PayloadError:
    return PayloadError("the body is not JSON, expected an object with instances")


def _refused(error: Exception) -> PayloadError:
    found = str(error)
    if "unknown field" in found:  # the one message that repeats what was sent
        found = "Object contains an unknown field"
    return PayloadError(
        f"{found}; expected images [n, 28, 28] of whole numbers 0 to 255, at most {MAX_PICTURES}"
    )


def _images(request: Any) -> NDArray[np.uint8]:
    return np.array(_rows(request), dtype=np.float64).astype(np.uint8).reshape(-1, 28, 28)


def _rows(request: Any) -> Any:
    """Return the one of the two fields that is there."""
    if (request.instances is UNSET) == (request.inputs is UNSET):
        raise PayloadError(
            "found "
            + ("neither" if request.inputs is UNSET else "both")
            + " of instances and inputs, expected one of them"
        )
    return request.inputs if request.instances is UNSET else request.instances
