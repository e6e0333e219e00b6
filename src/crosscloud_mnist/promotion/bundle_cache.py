"""A cache of verified bundles on this machine, each in a folder named by its digest."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier
from crosscloud_mnist.errors import VerificationError
from crosscloud_mnist.promotion.verify import verify_bundle


def get(download: Callable[[Path], None], verifier: Verifier, cache: Path, digest: str) -> Bundle:
    """Return the bundle from the cache, downloaded first if it is not there; it is verified always.

    Args:
        download: Writes the bundle into a folder that does not exist yet.
        verifier: Holds the public key.
        cache: The cache's folder.
        digest: SHA-256 of the bundle as it was recorded, hexadecimal.

    Raises:
        RegistryError: The workspace does not have it.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    folder = cache / digest
    if folder.exists():
        try:
            return verify_bundle(folder, verifier, digest)
        except VerificationError:
            shutil.rmtree(folder)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".") as staging:
        downloaded = Path(staging) / "bundle"
        download(downloaded)
        verify_bundle(downloaded, verifier, digest)
        try:
            downloaded.rename(folder)
        except OSError:  # another promotion of the same bundle was faster
            return verify_bundle(folder, verifier, digest)
    return Bundle(folder, digest)


def evict(cache: Path, max_age_seconds: float, keep: str | None) -> None:
    """Remove what was downloaded longer ago, complete or not.

    Args:
        cache: The cache's folder.
        max_age_seconds: How old an entry may be.
        keep: Digest of a bundle that stays, however old.
    """
    for folder in cache.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another promotion was faster
            if folder.name != keep and time.time() - folder.stat().st_mtime > max_age_seconds:
                shutil.rmtree(folder, ignore_errors=True)
