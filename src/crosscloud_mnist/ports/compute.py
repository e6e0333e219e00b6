"""Where training, ingestion and batch scoring run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from crosscloud_mnist.ports.registry import ModelVersion

if TYPE_CHECKING:
    from crosscloud_mnist.storage.data_card import DataCard
    from crosscloud_mnist.training.job import TrainingJob
    from crosscloud_mnist.training.result import EpochMetrics, TrainingResult

Mode = Literal["single", "local", "distributed", "custom"]


class Launcher(Protocol):
    """Runs the training function: in this process, or as Spark barrier tasks."""

    def launch(
        self,
        train: Callable[[TrainingJob], TrainingResult],
        job: TrainingJob,
        mode: Mode,
        on_epoch: Callable[[EpochMetrics], None],
    ) -> TrainingResult:
        """Run ``train(job)`` on every slot and return rank 0's result.

        Args:
            train: The training function, importable on the executors.
            job: What to train, on what, for how long.
            mode: ``single`` (this process), ``local`` (the driver, through
                MirroredStrategyRunner), ``distributed`` (one barrier task a slot) or ``custom``
                (the same, with the training function's own strategy).
            on_epoch: Called in this process with each epoch's record soon after it ended,
                in order, each epoch once.

        Raises:
            TrainingError: A task failed.
            ConfigurationError: There are too few slots, or one that cannot train.
        """

    def launch_independent(
        self,
        train: Callable[[TrainingJob], TrainingResult],
        jobs: Sequence[TrainingJob],
        on_epoch: Callable[[int, EpochMetrics], None],
    ) -> tuple[TrainingResult, ...]:
        """Train several models at once: each job on a slot of its own, under its own strategy.

        Args:
            train: As for ``launch``.
            jobs: Any number; they run in batches of as many jobs as there are slots.
            on_epoch: Called in this process with the job's index and the epoch's record, for
                each job as ``launch`` does.

        Returns:
            The results, in the order of the jobs.

        Raises:
            TrainingError: A task failed.
            ConfigurationError: There are too few slots, or one that cannot train.
        """


class DistributedIngestor(Protocol):
    """Ingests images that do not fit in this process, where the data is."""

    def ingest(self, folder: str, fraction: float, seed: int) -> DataCard:
        """Check every part and write its images to shards.

        Args:
            folder: Parts as pairs of IDX files, on storage that every worker sees.
            fraction: The fraction of the training images set aside for validation, 0 to 1.
            seed: Seed of that choice and of the order.

        Returns:
            The data card: where the data came from, digests, counts by class and split.

        Raises:
            IdxError: A part is not a pair of IDX files of digits.
        """


@dataclass(frozen=True)
class ScoringProgress:
    """How far a scoring job is, after a chunk of images is on storage.

    Attributes:
        chunk: The chunk's number; 0 before the first chunk.
        chunks: How many chunks this run has.
        images: Images with a row so far in this run, unreadable ones included.
        total: Images that this run has to score.
        errors: How many of ``images`` are unreadable.
        seconds: Seconds since the first chunk began.
        earlier_images: Images at the location that have a row of an earlier run.
        earlier_errors: How many of those are unreadable.
    """

    chunk: int
    chunks: int
    images: int
    total: int
    errors: int
    seconds: float
    earlier_images: int
    earlier_errors: int


@dataclass(frozen=True)
class ChunkSizes:
    """How much is scored between two writes.

    Attributes:
        images: Image files.
        rows: Rows of pixels.
    """

    images: int
    rows: int


class BatchScorer(Protocol):
    """Scores many images at once, without an endpoint."""

    def score(
        self,
        version: ModelVersion,
        bundle: Path,
        location: str,
        scores: Path,
        chunk_sizes: ChunkSizes,
    ) -> Iterator[ScoringProgress]:
        """Score every image that has no row of this version yet.

        Every image at the location becomes a row: its prediction, or the reason why it has none.

        Args:
            version: The version that scores.
            bundle: The version's bundle, verified, as a local folder.
            location: A folder of images; a table of them with the columns of Spark's
                ``binaryFile``, or of pixels (a path, or a name in the metastore); or a file of
                pixels: IDX, ``.npz`` or CSV.
            scores: Folder of the Parquet files, one for each chunk, under ``model_version=...``;
                each is written atomically.
            chunk_sizes: Of image files and of rows of pixels.

        Yields:
            How far it is: at the start, and after each chunk.

        Raises:
            DataError: There are no images.
        """
