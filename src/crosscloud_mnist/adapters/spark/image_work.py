"""Which image files, or rows of a table of them, are left to score.

The output itself records what is scored. An image is identified by its path, its modification time
and its length, so a run that was killed resumes where it was, whatever the chunk size is next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crosscloud_mnist.adapters.spark.image_listing import ImageSource, ListedImage
from crosscloud_mnist.adapters.spark.pixel_parts import holds_parts
from crosscloud_mnist.adapters.spark.scoring_task import SCHEMA
from crosscloud_mnist.adapters.spark.scoring_work import Chunk, ScoreBatches, Work
from crosscloud_mnist.storage import atomic


def plan_images(
    source: ImageSource,
    earlier: dict[ListedImage, bool],
    images_per_chunk: int,
    slots: int,
    score_batches: ScoreBatches,
) -> Work:
    """Return the images without a row, in chunks.

    Args:
        source: The images.
        earlier: As ``read_earlier`` returns them.
        images_per_chunk: Images in a chunk.
        slots: Tasks that score a chunk.
        score_batches: What each does.
    """
    images = source.list_images()
    left = [image for image in images if image not in earlier]
    earlier_rows = [earlier[image] for image in images if image in earlier]

    def build_chunk(chosen: Sequence[ListedImage]) -> Chunk:
        return Chunk(
            images=len(chosen),
            identity=repr([tuple(image) for image in chosen]),
            score=lambda: (
                source.select(chosen).repartition(slots).mapInArrow(score_batches, SCHEMA)
            ),
        )

    starts = range(0, len(left), images_per_chunk)
    chunks = [build_chunk(left[start : start + images_per_chunk]) for start in starts]
    return Work(chunks, len(earlier_rows), sum(earlier_rows))


def read_earlier(output: Path, digest: str) -> dict[ListedImage, bool]:
    """Return the images that earlier runs scored, and whether their row holds an error."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["file", "modification_time", "length", "error"]
    earlier: dict[ListedImage, bool] = {}
    for path in atomic.find(output, f"{digest[:12]}-*.parquet"):
        if holds_parts(path):
            continue
        table = pq.read_table(path, columns=columns)
        modified = table["modification_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        keys = (column.to_pylist() for column in (table["file"], modified, table["length"]))
        images = map(ListedImage._make, zip(*keys, strict=True))
        has_error = table["error"].is_valid().to_pylist()
        earlier.update(zip(images, has_error, strict=True))
    return earlier
