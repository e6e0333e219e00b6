"""Nodes of ``batch_score``."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle import Verifier
from crosscloud_mnist.ports import ModelVersion, Registry, Scored, Scorer
from crosscloud_mnist.promotion import fetch_verified

logger = logging.getLogger(__name__)


def score(  # noqa: PLR0917  three ports and three values
    registry: Registry,
    scorer: Scorer,
    verifier: Verifier,
    version: ModelVersion,
    images: str,
    scores: str,
    pictures_per_chunk: int,
) -> dict[str, Any]:
    """Verify the version's bundle and answer every picture that it did not answer yet.

    Returns:
        The report: ``model_name``, ``model_version``, ``digest``, ``images``, ``scores`` (the
        folder of the answers), and of this run: ``pictures``, ``errors``, ``seconds`` and
        ``pictures_per_second``.

    Raises:
        VerificationError: The registry's copy is not the one that was signed and recorded.
        DataError: There are no pictures.
    """
    last = Scored(0, 0, 0, 0, 0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        bundle = fetch_verified(registry, version, verifier, Path(folder) / "bundle")
        for last in scorer.score(version, bundle.folder, images, Path(scores), pictures_per_chunk):
            logger.info("%s", _progress(last))
    return {
        "model_name": version.name,
        "model_version": version.version,
        "digest": version.digest,
        "images": images,
        "scores": scores,
        "pictures": last.pictures,
        "errors": last.errors,
        "seconds": last.seconds,
        "pictures_per_second": last.pictures / last.seconds if last.pictures else None,
    }


def _progress(scored: Scored) -> str:
    rate = scored.pictures / scored.seconds
    return (
        f"Chunk {scored.chunk} of {scored.chunks}: {scored.pictures:,} of {scored.of:,} pictures, "
        f"{scored.errors:,} that cannot be read, {rate:,.0f} pictures/s, "
        f"{(scored.of - scored.pictures) / rate:,.0f} s left"
    )
