"""Verification of a bundle: its signature and its digest, before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crosscloud_mnist.bundle import Bundle, Verifier, digest_of
from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.ports import ModelVersion, Registry


def verify_bundle(folder: Path, verifier: Verifier, digest: str) -> Bundle:
    """Return the bundle, once its signature is valid and its digest is the recorded one.

    Args:
        folder: The bundle's.
        verifier: Holds the public key.
        digest: SHA-256 of the bundle as it was recorded, hexadecimal.

    Raises:
        VerificationError: The signature or the digest is wrong. Nothing of the bundle was loaded.
    """
    found = digest_of(folder, verifier.verify(folder))
    if found != digest:
        raise VerificationError(
            f"the bundle's digest is {found}, expected {digest} as it was recorded; it is "
            "rejected: fetch it again, or promote another model"
        )
    return Bundle(folder, digest)


def fetch_verified(
    registry: Registry, version: ModelVersion, verifier: Verifier, folder: Path
) -> Bundle:
    """Download a version and verify it.

    Args:
        registry: The workspace that holds it.
        version: The version to download.
        verifier: Holds the public key.
        folder: Where to write it; must not exist.

    Raises:
        RegistryError: It cannot be downloaded; the message names the version.
        VerificationError: It is not the bundle that was signed and recorded; the message names the
            version.
    """
    with name_version(registry, version):
        registry.download_version(version, folder)
        return verify_bundle(folder, verifier, version.digest)


@contextmanager
def name_version(registry: Registry, version: ModelVersion) -> Iterator[None]:
    """Add to an error of the block which version it is about, and how to remove that version."""
    try:
        yield
    except (RegistryError, VerificationError) as error:
        raise type(error)(
            f"{version.name} {version.version} in {registry.workspace()}: {error}; if it stays so, "
            "remove the version with kedro run --pipelines register_remote --params "
            f"register_remote.remove_version={version.version}"
        ) from error
