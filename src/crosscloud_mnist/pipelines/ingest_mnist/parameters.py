"""The parameters of ``ingest_mnist``."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Lt
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IngestMnistParameters:
    """The parameters ``ingest_mnist``.

    Attributes:
        validation_fraction: The part of the training set that is set aside for validation.
        seed: Of that split.
    """

    validation_fraction: Annotated[float, Gt(0), Lt(1)]
    seed: Annotated[int, Field(strict=True)]
