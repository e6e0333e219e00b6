"""Where training, ingestion and batch scoring run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from crosscloud_mnist.ports.registry import ModelVersion

if TYPE_CHECKING:
    from crosscloud_mnist.training.job import TrainingJob
    from crosscloud_mnist.training.result import EpochMetrics, TrainingResult

Mode = Literal["single", "local", "distributed", "custom"]


class Launcher(Protocol):
    """Runs the training function somewhere: in this process, or as Spark barrier tasks."""

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
            TrainingError: A task was lost, or there are too few slots.
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
            jobs: As many as one likes; where there are more than slots, they go in waves.
            on_epoch: Called in this process with the job's index and the epoch's record, for
                each job as ``launch`` does.

        Returns:
            The results, in the order of the jobs.

        Raises:
            TrainingError: A task was lost, or there are too few slots.
        """


class DistributedIngestor(Protocol):
    """Ingests images that outgrow this process, where the data is."""

    def ingest(self, folder: str, fraction: float, seed: int) -> dict[str, Any]:
        """Check every part and deal the images out into shards.

        Args:
            folder: Parts as pairs of IDX files, on storage that every worker sees.
            fraction: The part of the training images set aside for validation.
            seed: Of that choice, and of the order.

        Returns:
            The data card: where the data came from, digests, counts by class and split.

        Raises:
            IdxError: A part is no pair of IDX files of digits.
        """


@dataclass(frozen=True)
class ScoringProgress:
    """How far a scoring job is, after a chunk of images is on storage.

    Attributes:
        chunk: The chunk's number, from 1.
        chunks: How many this run has.
        images: Answered so far in this run, those that cannot be read included.
        of: Images that this run has to answer.
        errors: Of the images so far, those that cannot be read.
        seconds: Since the first chunk was begun.
    """

    chunk: int
    chunks: int
    images: int
    of: int
    errors: int
    seconds: float


class BatchScorer(Protocol):
    """TestPredictions many images at once, away from any endpoint."""

    def score(
        self, version: ModelVersion, bundle: Path, location: str, scores: Path, per_chunk: int
    ) -> Iterator[ScoringProgress]:
        """Answer every image that the version did not answer yet.

        Args:
            version: What answers.
            bundle: The version's bundle, verified, as a local folder.
            location: A folder of images, or a table of them with the columns of Spark's
                ``binaryFile`` (a path, or a name in the metastore).
            scores: Folder of the Parquet files: one for each chunk, whole or not there, under
                ``model_version=...``.
            per_chunk: Images in a chunk.

        Yields:
            After each chunk, how far it is; nothing where all is answered already.

        Raises:
            DataError: There are no images.
        """
