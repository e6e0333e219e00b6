"""What pipelines share: a version is opened only once verified, an alias moves once recorded."""

from __future__ import annotations

from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier, digest_of
from crosscloud_mnist.errors import VerificationError
from crosscloud_mnist.ports import ModelVersion, Registry


def verify_bundle(folder: Path, verifier: Verifier, digest: str) -> Bundle:
    """Return the bundle once its signature holds and its digest is the recorded one.

    Raises:
        VerificationError: One of them is not so. Nothing of the bundle was loaded.
    """
    found = digest_of(folder, verifier.verify(folder))
    if found != digest:
        raise VerificationError(
            f"the bundle's digest is {found}, expected {digest} as it was recorded; it is refused: "
            "fetch it again, or promote the model that was meant"
        )
    return Bundle(folder, digest)


def fetch_verified(
    registry: Registry, version: ModelVersion, verifier: Verifier, folder: Path
) -> Bundle:
    """Download a version and verify it.

    Args:
        registry: The workspace that holds it.
        version: Which.
        verifier: Holds the public key.
        folder: Where to write it; must not exist.

    Raises:
        RegistryError: It cannot be downloaded.
        VerificationError: It is not the bundle that was signed and recorded.
    """
    registry.download_version(version, folder)
    return verify_bundle(folder, verifier, version.digest)
