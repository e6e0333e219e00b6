"""The body of a request to pictures, or to one line that says what is wrong with it.

Whatever is not a picture as the contract says is refused: a wrong shape, a boolean, a string, a
number that is not whole or out of range. No message repeats what was sent.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

MOST_PICTURES = 1024
MOST_BYTES = 16 * 2**20

_Pixel = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
_Row = Annotated[list[_Pixel], Meta(min_length=28, max_length=28)]
_Picture = Annotated[list[_Row], Meta(min_length=28, max_length=28)]
_Pictures = Annotated[list[_Picture], Meta(min_length=1, max_length=MOST_PICTURES)]

# The same with a channel: [28, 28, 1].
_Channel = Annotated[list[_Pixel], Meta(min_length=1, max_length=1)]
_ChannelRow = Annotated[list[_Channel], Meta(min_length=28, max_length=28)]
_ChannelPicture = Annotated[list[_ChannelRow], Meta(min_length=28, max_length=28)]
_ChannelPictures = Annotated[list[_ChannelPicture], Meta(min_length=1, max_length=MOST_PICTURES)]


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    instances: _Pictures | UnsetType = UNSET
    inputs: _Pictures | UnsetType = UNSET
    signature_name: str | UnsetType = UNSET


class _WithChannel(msgspec.Struct, forbid_unknown_fields=True):
    instances: _ChannelPictures | UnsetType = UNSET
    inputs: _ChannelPictures | UnsetType = UNSET
    signature_name: str | UnsetType = UNSET


_plain = msgspec.json.Decoder(_Plain)
_with_channel = msgspec.json.Decoder(_WithChannel)


class PayloadError(Exception):
    """A body that holds no pictures; the message is one line and repeats nothing of it."""


def decode(body: bytes) -> NDArray[np.uint8]:
    """Return the pictures [n, 28, 28], uint8, of ``{"instances": [...]}`` or ``{"inputs": [...]}``.

    Args:
        body: JSON; each picture [28, 28] or [28, 28, 1], whole numbers 0 to 255.

    Raises:
        PayloadError: It holds something else.
    """
    try:
        return _pictures(_plain.decode(body))
    except msgspec.ValidationError as error:
        if "got `array`" not in str(error):
            raise _refused(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError("the body is not JSON, expected an object with instances") from error
    try:
        return _pictures(_with_channel.decode(body))
    except msgspec.ValidationError as error:
        raise _refused(error) from error


def _refused(error: Exception) -> PayloadError:
    return PayloadError(
        f"{error}; expected pictures [n, 28, 28] of whole numbers 0 to 255, at most {MOST_PICTURES}"
    )


def _pictures(request: Any) -> NDArray[np.uint8]:
    if (request.instances is UNSET) == (request.inputs is UNSET):
        raise PayloadError(
            "found "
            + ("neither" if request.inputs is UNSET else "both")
            + " of instances and inputs, expected one of them"
        )
    rows = request.inputs if request.instances is UNSET else request.instances
    return np.array(rows, dtype=np.float64).astype(np.uint8).reshape(-1, 28, 28)
