"""The parameters of ``ingest_on_spark``."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Lt
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class IngestOnSparkParameters:
    """The parameters ``ingest_on_spark``.

    Attributes:
        folder: Parts as pairs of IDX files, on storage that every worker sees.
        validation_fraction: The part of the training images that is set aside for validation.
        seed: Of that split, and of the order.
    """

    folder: str
    validation_fraction: Annotated[float, Gt(0), Lt(1)]
    seed: Annotated[int, Field(strict=True)]
