"""Bundles on this machine, each in a folder named by its digest: none is fetched twice."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier
from crosscloud_mnist.errors import VerificationError
from crosscloud_mnist.promotion import verify_bundle


def get(download: Callable[[Path], None], verifier: Verifier, fetched: Path, digest: str) -> Bundle:
    """Return the verified bundle from ``fetched``, downloaded unless it is there.

    Args:
        download: Writes the bundle into a folder that does not exist yet.
        verifier: Holds the public key.
        fetched: Where the bundles are kept.
        digest: Of the bundle, as it was recorded.

    Raises:
        RegistryError: The workspace does not have it.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    folder = fetched / digest
    if folder.exists():
        try:
            return verify_bundle(folder, verifier, digest)
        except VerificationError:
            shutil.rmtree(folder)
    fetched.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=fetched, prefix=".") as work:
        new = Path(work) / "bundle"
        download(new)
        verify_bundle(new, verifier, digest)
        try:
            new.rename(folder)
        except OSError:  # another promotion of the same bundle was first
            return verify_bundle(folder, verifier, digest)
    return Bundle(folder, digest)


def evict(fetched: Path, orphan_ttl_seconds: float, keep: str | None) -> None:
    """Remove what was fetched longer ago than the lease, whole or not, but the bundle to keep."""
    for folder in fetched.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another promotion was first
            if folder.name != keep and time.time() - folder.stat().st_mtime > orphan_ttl_seconds:
                shutil.rmtree(folder, ignore_errors=True)
