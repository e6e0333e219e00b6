"""The bundles that an endpoint serves, each in a folder named by its digest."""

from __future__ import annotations

import shutil
from pathlib import Path

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.errors import VerificationError

_STAGING = ".staging"


def keep(bundle: Path, store: Path, digest: str) -> Path:
    """Return the store's copy of the bundle; one that was changed is replaced.

    Only one process may call it at a time.

    Args:
        bundle: The bundle's folder, verified.
        store: The folder of the copies.
        digest: The bundle's.
    """
    kept, staging = store / digest, store / _STAGING
    store.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(staging, ignore_errors=True)  # of a deployment that was killed
    if kept.exists() and not _has_digest(kept, digest):
        kept.rename(staging)
        shutil.rmtree(staging)
    if not kept.exists():
        shutil.copytree(bundle, staging).rename(kept)
    return kept


def _has_digest(bundle: Path, digest: str) -> bool:
    try:
        return digest_of(bundle) == digest
    except (VerificationError, OSError):
        return False
