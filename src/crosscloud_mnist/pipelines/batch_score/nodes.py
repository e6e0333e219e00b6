"""Nodes of ``batch_score``."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.pipelines.batch_score.parameters import BatchScoreParameters
from crosscloud_mnist.pipelines.batch_score.report import ScoringReport
from crosscloud_mnist.ports import BatchScorer, ChunkSizes, ModelVersion, Registry, ScoringProgress
from crosscloud_mnist.promotion import fetch_verified

logger = logging.getLogger(__name__)


def score(
    registry: Registry,
    scorer: BatchScorer,
    verifier: Verifier,
    version: ModelVersion,
    parameters: BatchScoreParameters,
) -> ScoringReport:
    """Verify the version's bundle and score every image that it did not score yet.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        DataError: There are no images.
    """
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        for progress in scorer.score(
            version,
            bundle.folder,
            parameters.images,
            Path(parameters.scores),
            ChunkSizes(parameters.images_per_chunk, parameters.rows_per_chunk),
        ):
            if progress.images:
                logger.info("%s", _format_progress(progress))
    return ScoringReport(
        model_name=version.name,
        model_version=version.version,
        digest=version.digest,
        location=parameters.images,
        scores=parameters.scores,
        images=progress.images,
        errors=progress.errors,
        earlier_images=progress.earlier_images,
        earlier_errors=progress.earlier_errors,
        seconds=progress.seconds,
        images_per_second=progress.images / progress.seconds if progress.images else None,
    )


def assert_scored(report: ScoringReport) -> None:
    """Fail the run where no image at the location has a prediction.

    Raises:
        DataError: Every image is unreadable.
    """
    images = report["images"] + report["earlier_images"]
    if images == report["errors"] + report["earlier_errors"]:
        raise DataError(
            f"none of the {images:,} images in {report['location']} was scored, expected at least "
            f"one that the model takes; see the column error of {report['scores']}"
        )


def _format_progress(progress: ScoringProgress) -> str:
    rate = progress.images / progress.seconds
    return (
        f"Chunk {progress.chunk} of {progress.chunks}: {progress.images:,} of {progress.total:,} "
        f"images, {progress.errors:,} unreadable, {rate:,.0f} images/s, "
        f"{(progress.total - progress.images) / rate:,.0f} s left"
    )
