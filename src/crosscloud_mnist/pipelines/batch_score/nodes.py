"""Nodes of ``batch_score``."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.ports import BatchScorer, ModelVersion, Registry, ScoringProgress
from crosscloud_mnist.promotion import fetch_verified

logger = logging.getLogger(__name__)


def score(  # noqa: PLR0917  three ports and three values
    registry: Registry,
    scorer: BatchScorer,
    verifier: Verifier,
    version: ModelVersion,
    location: str,
    scores: str,
    images_per_chunk: int,
) -> dict[str, Any]:
    """Verify the version's bundle and answer every image that it did not answer yet.

    Returns:
        The report: ``model_name``, ``model_version``, ``digest``, ``location`` (of the images), ``scores`` (the
        folder of the answers), and of this run: ``images``, ``errors``, ``seconds`` and
        ``images_per_second``.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        DataError: There are no images.
    """
    last = ScoringProgress(0, 0, 0, 0, 0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        for last in scorer.score(version, bundle.folder, location, Path(scores), images_per_chunk):
            logger.info("%s", _progress(last))
    return {
        "model_name": version.name,
        "model_version": version.version,
        "digest": version.digest,
        "location": location,
        "scores": scores,
        "images": last.images,
        "errors": last.errors,
        "seconds": last.seconds,
        "images_per_second": last.images / last.seconds if last.images else None,
    }


def _progress(scored: ScoringProgress) -> str:
    rate = scored.images / scored.seconds
    return (
        f"Chunk {scored.chunk} of {scored.chunks}: {scored.images:,} of {scored.of:,} images, "
        f"{scored.errors:,} that cannot be read, {rate:,.0f} images/s, "
        f"{(scored.of - scored.images) / rate:,.0f} s left"
    )
