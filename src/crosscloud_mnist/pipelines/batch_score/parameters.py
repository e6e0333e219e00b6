"""The parameters of ``batch_score``."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid", coerce_numbers_to_str=True))
class BatchScoreParameters:
    """The parameters ``batch_score``.

    Attributes:
        images: A folder of images, a table of them with the columns of Spark's ``binaryFile`` or of
            pixels, or a file of pixels.
        scores: Folder of the predictions, Parquet files under ``model_version=...``.
        images_per_chunk: Image files that are scored between two writes.
        rows_per_chunk: Rows of pixels that are scored between two writes.
    """

    images: str
    scores: str
    images_per_chunk: Annotated[int, Ge(1)]
    rows_per_chunk: Annotated[int, Ge(1)]
