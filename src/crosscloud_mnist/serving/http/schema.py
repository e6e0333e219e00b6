"""The types of a predict request: what the decoder accepts, and what OpenAPI describes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_IMAGES = 1024
INPUT_NAME = "images"  # of the ONNX graph and of the MLflow signature
SIGNATURE_NAME = "serving_default"  # TensorFlow Serving's name of the only signature

_Row = Annotated[list[int], Meta(min_length=28, max_length=28)]
IntegerImage = Annotated[list[_Row], Meta(min_length=28, max_length=28)]
IntegerImages = Annotated[list[IntegerImage], Meta(min_length=1, max_length=MAX_IMAGES)]

# The contract also takes whole numbers that are written as floats, such as 7.0.
Pixel = Annotated[float, Meta(ge=0, le=255, multiple_of=1)]
_NumberRow = Annotated[list[Pixel], Meta(min_length=28, max_length=28)]
Image = Annotated[list[_NumberRow], Meta(min_length=28, max_length=28)]
_Images = Annotated[list[Image], Meta(min_length=1, max_length=MAX_IMAGES)]

# Images with a channel: [28, 28, 1].
_Channel = Annotated[list[Pixel], Meta(min_length=1, max_length=1)]
_ChannelRow = Annotated[list[_Channel], Meta(min_length=28, max_length=28)]
ChannelImage = Annotated[list[_ChannelRow], Meta(min_length=28, max_length=28)]
_ChannelImages = Annotated[list[ChannelImage], Meta(min_length=1, max_length=MAX_IMAGES)]


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    signature_name: Literal["serving_default"] | UnsetType = UNSET
    client_request_id: str | UnsetType = UNSET


class ImagesRequest(_Request):
    """Images [n, 28, 28]."""

    instances: _Images | UnsetType = UNSET
    inputs: _Images | UnsetType = UNSET


class ChannelImagesRequest(_Request):
    """Images [n, 28, 28, 1]."""

    instances: _ChannelImages | UnsetType = UNSET
    inputs: _ChannelImages | UnsetType = UNSET


class NamedImage(msgspec.Struct, forbid_unknown_fields=True):
    """One image under the input's name; a channel is accepted too."""

    images: Image


class NamedImages(msgspec.Struct, forbid_unknown_fields=True):
    """Images under the input's name; a channel is accepted too."""

    images: _Images


class NamedImagesRequest(_Request):
    """Images by the name of the model's input: in rows or in columns."""

    instances: (
        Annotated[list[NamedImage], Meta(min_length=1, max_length=MAX_IMAGES)] | UnsetType
    ) = UNSET
    inputs: NamedImages | UnsetType = UNSET
