"""Which rows of pixels are left to score, in chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crosscloud_mnist.adapters.spark import pixel_parts
from crosscloud_mnist.adapters.spark.pixel_parts import Part
from crosscloud_mnist.adapters.spark.pixel_source import PixelSource
from crosscloud_mnist.adapters.spark.pixel_task import PIXEL_SCHEMA
from crosscloud_mnist.adapters.spark.scoring_work import Chunk, ScoreBatches, Work

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def plan_pixels(
    source: PixelSource, scored: dict[Part, int], rows_per_chunk: int, score_pixels: ScoreBatches
) -> Work:
    """Return the rows without a score, in chunks.

    Args:
        source: The rows.
        scored: As ``pixel_parts.read_scored`` returns them.
        rows_per_chunk: Rows in a chunk; a larger file of a table is a chunk of its own.
        score_pixels: What each task does.
    """
    parts = source.list_parts()
    left = pixel_parts.remove_scored(parts, scored)
    present = {part[:3] for part in parts}
    earlier = {part: errors for part, errors in scored.items() if part[:3] in present}
    return Work(
        [_build_chunk(source, chunk, score_pixels) for chunk in source.chunk(left, rows_per_chunk)],
        sum(part.rows for part in earlier),
        sum(earlier.values()),
    )


def _build_chunk(source: PixelSource, parts: Sequence[Part], score_pixels: ScoreBatches) -> Chunk:
    def score() -> DataFrame:
        return source.select(parts).mapInArrow(score_pixels, PIXEL_SCHEMA)

    def finish(scores: pa.Table) -> pa.Table:
        has_error = scores["error"].is_valid()
        errors = Counter(scores["part"].filter(has_error).to_pylist())
        return pixel_parts.mark(scores.drop_columns(["part"]), parts, errors)

    identity = repr([tuple(part) for part in parts])
    return Chunk(sum(part.rows for part in parts), identity, score, finish)
