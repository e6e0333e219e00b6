"""What a run of batch scoring has to do: chunks, each of which becomes one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# What runs in the tasks, for ``mapInArrow``.
ScoreBatches = Callable[["Iterator[pa.RecordBatch]"], "Iterator[pa.RecordBatch]"]


def _keep(scores: pa.Table) -> pa.Table:
    return scores


@dataclass(frozen=True)
class Chunk:
    """Images that one Spark job scores.

    Attributes:
        images: How many.
        identity: Which ones; it names the file.
        score: Returns the scores, one row for each image, which Spark computes when collected.
        finish: From those scores, collected, to what the file holds.
    """

    images: int
    identity: str
    score: Callable[[], DataFrame]
    finish: Callable[[pa.Table], pa.Table] = _keep


@dataclass(frozen=True)
class Work:
    """What is left to score, and what is scored.

    Attributes:
        chunks: What is left.
        earlier_images: Images at the location that have a row of an earlier run.
        earlier_errors: How many of those have no prediction.
    """

    chunks: list[Chunk]
    earlier_images: int
    earlier_errors: int

    @property
    def images(self) -> int:
        """How many images are left."""
        return sum(chunk.images for chunk in self.chunks)
