"""The contract of a model: the images that it takes, and the classes that it predicts.

Every part of the project that needs a size, a number of classes or a class name takes it from a
contract. What is MNIST's own stands in the globals of ``conf/base``; training writes the contract
into the bundle, and from there everything that serves the model reads it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

INPUT, OUTPUT = "images", "probabilities"  # of the ONNX graph and of the MLflow signature
COLOUR_CHANNELS = 3  # red, green, blue
_MIN_SIDE, _MAX_SIDE = 4, 512  # pixels
_MAX_CLASSES = 256  # labels are unsigned bytes
_CLASS_NAME = re.compile(r"[^/\\\x00-\x1f]{1,100}")  # names folders and files of images


class ContractRecord(TypedDict):
    """The contract as JSON: in the bundle, and at the endpoint's ``/version``.

    Attributes:
        input: The graph's input.
        shape: Of the input, -1 for the number of images.
        values: Of the pixels.
        image_content: What an image shows.
        preprocessing: What turns an image file into the input.
        output: The graph's output.
        classes: What each column of the output stands for.
        min_probability: Of the predicted class; below it a prediction is unsure.
    """

    input: str
    shape: list[int]
    values: str
    image_content: str
    preprocessing: str
    output: str
    classes: list[str]
    min_probability: float


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        index: The predicted class, by its position in the contract.
        name: Its name.
        probability: Its probability, 0 to 1.
        is_unsure: The probability is below the contract's ``min_probability``.
    """

    index: int
    name: str
    probability: float
    is_unsure: bool


@dataclass(frozen=True)
class Contract:
    """What a model takes and returns, and how an image file becomes what it takes.

    An image is an array of uint8 of ``image_shape``; a label is a position in ``classes``. This
    class uses no pydantic, which a serving process need not load; where a parameter has this type,
    pydantic validates it.

    Attributes:
        image_shape: Height and width in pixels; of colour images also 3, for red, green and blue.
        image_content: What an image shows, for the people who call an endpoint.
        classes: The classes' names, each once, upper and lower case being the same.
        preprocessing: ``digit`` (finds a digit and places it as MNIST does), ``resize`` (scales the
            whole image), or the dotted path of a function: see ``preprocessing.preprocessor``.
        min_probability: Of the predicted class, 0 to 1; below it a prediction is unsure.

    Raises:
        ValueError: The shape or the classes are not that.
    """

    image_shape: tuple[int, ...]
    image_content: str
    classes: tuple[str, ...]
    preprocessing: str
    min_probability: float = 0.0

    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "coerce_numbers_to_str": True,
    }

    def __post_init__(self) -> None:
        """Check the values; lists, as JSON and YAML have them, become tuples."""
        shape, classes = tuple(map(int, self.image_shape)), tuple(map(str, self.classes))
        is_valid = len(shape) == 2 or (len(shape) == 3 and shape[2] == COLOUR_CHANNELS)
        if not is_valid or not all(_MIN_SIDE <= side <= _MAX_SIDE for side in shape[:2]):
            raise ValueError(
                f"image_shape is {list(shape)}, expected [height, width], each {_MIN_SIDE} to "
                f"{_MAX_SIDE} pixels, or [height, width, {COLOUR_CHANNELS}] for colour"
            )
        if not 2 <= len(classes) <= _MAX_CLASSES:
            raise ValueError(f"classes has {len(classes)} names, expected 2 to {_MAX_CLASSES}")
        for name in classes:
            if not _CLASS_NAME.fullmatch(name):
                raise ValueError(
                    f"classes holds {name!r}, expected names of up to 100 characters without "
                    "slashes"
                )
        if len({name.casefold() for name in classes}) < len(classes):
            raise ValueError(
                "classes holds a name twice, expected each once, upper and lower case being the "
                "same"
            )
        if not 0 <= self.min_probability < 1:
            raise ValueError(
                f"min_probability is {self.min_probability}, expected 0 or more and less than 1"
            )
        object.__setattr__(self, "image_shape", shape)
        object.__setattr__(self, "classes", classes)

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def is_colour(self) -> bool:
        """Whether images have three channels."""
        return len(self.image_shape) > 2

    @property
    def image_bytes(self) -> int:
        """How many values an image has."""
        return math.prod(self.image_shape)

    def interpret(self, probabilities: Sequence[float]) -> Prediction:
        """Return what the probabilities of all classes say of an image."""
        highest = max(range(len(probabilities)), key=probabilities.__getitem__)
        probability = float(probabilities[highest])
        is_unsure = probability < self.min_probability
        return Prediction(highest, self.classes[highest], probability, is_unsure)

    def to_record(self) -> ContractRecord:
        """Return the contract as JSON."""
        return ContractRecord(
            input=INPUT,
            shape=[-1, *self.image_shape],
            values="whole numbers 0 to 255",
            image_content=self.image_content,
            preprocessing=self.preprocessing,
            output=OUTPUT,
            classes=list(self.classes),
            min_probability=self.min_probability,
        )


def parse_contract(record: Mapping[str, Any]) -> Contract:
    """Return the contract that a bundle holds as JSON.

    Raises:
        ValueError: A value is not valid.
        LookupError: A field is missing.
    """
    return Contract(
        image_shape=tuple(record["shape"][1:]),
        image_content=record.get("image_content", ""),
        classes=tuple(record["classes"]),
        preprocessing=record.get("preprocessing", "digit"),
        min_probability=record.get("min_probability", 0.0),
    )


def list_array_shapes(image_shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes in which arrays and files may hold one image.

    They are one row of all values; rows of width x channels, as IDX files of this project have
    them; and the shape itself.

    Args:
        image_shape: Of the contract.
    """
    height, *row = image_shape
    return [(math.prod(image_shape),), (height, math.prod(row)), tuple(image_shape)]


def format_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as ``28 x 28``."""
    return " x ".join(map(str, shape))
