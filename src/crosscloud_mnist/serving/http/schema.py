"""The types of a predict request: what the decoder accepts, and what OpenAPI describes.

They are built for the image shape of a contract, once for each served model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_IMAGES = 1024
SIGNATURE_NAME = "serving_default"  # TensorFlow Serving's name of the only signature

# The contract also takes whole numbers that are written as floats, such as 7.0.
_Pixel = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
_Type = Any  # a type that is built at run time: mypy has no notion of one


@dataclass(frozen=True)
class RequestSchema:
    """The types for images of one shape.

    Attributes:
        integer_request: A request of images of integers: the usual form.
        integer_image: One image of integers.
        image: One image of whole numbers.
        channel_image: One gray image with a channel, [height, width, 1]; ``None`` for colour.
        documented: The requests that OpenAPI describes.
    """

    integer_request: _Type
    integer_image: _Type
    image: _Type
    channel_image: _Type | None
    documented: list[_Type]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    signature_name: Literal["serving_default"] | UnsetType = UNSET
    client_request_id: str | UnsetType = UNSET


def build_schema(image_shape: tuple[int, ...]) -> RequestSchema:
    """Return the types for images ``[n, *image_shape]``."""
    integer_image, image = _build_image(image_shape, int), _build_image(image_shape, _Pixel)
    shape = ", ".join(map(str, image_shape))
    requests = [_build_request("ImagesRequest", image, f"Images [n, {shape}].")]
    channel_image = None
    if len(image_shape) == 2:
        channel_image = _build_image((*image_shape, 1), _Pixel)
        requests.append(
            _build_request("ChannelImagesRequest", channel_image, f"Images [n, {shape}, 1].")
        )
    return RequestSchema(
        integer_request=_build_request("_IntegerRequest", integer_image, "The usual form."),
        integer_image=integer_image,
        image=image,
        channel_image=channel_image,
        documented=[*requests, _build_named_request(image)],
    )


def _build_image(shape: tuple[int, ...], value: _Type) -> _Type:
    """Return the type of nested lists of exactly that shape."""
    for length in reversed(shape):
        value = Annotated[list[value], Meta(min_length=length, max_length=length)]
    return value


def _list_images(image: _Type) -> _Type:
    return Annotated[list[image], Meta(min_length=1, max_length=MAX_IMAGES)]


def _build_request(name: str, image: _Type, description: str) -> _Type:
    return _define(name, _list_images(image), _list_images(image), description)


def _build_named_request(image: _Type) -> _Type:
    """Return the type of images by the name of the model's input: in rows or in columns."""
    row = msgspec.defstruct(
        "NamedImage",
        [("images", image)],
        forbid_unknown_fields=True,
        namespace={"__doc__": "One image under the input's name; a channel is accepted too."},
    )
    columns = msgspec.defstruct(
        "NamedImages",
        [("images", _list_images(image))],
        forbid_unknown_fields=True,
        namespace={"__doc__": "Images under the input's name; a channel is accepted too."},
    )
    description = "Images by the name of the model's input: in rows or in columns."
    return _define("NamedImagesRequest", _list_images(row), columns, description)


def _define(name: str, instances: _Type, inputs: _Type, description: str) -> _Type:
    return msgspec.defstruct(
        name,
        [
            ("instances", instances | UnsetType, UNSET),
            ("inputs", inputs | UnsetType, UNSET),
        ],
        bases=(_Request,),
        forbid_unknown_fields=True,
        namespace={"__doc__": description},
    )
