"""What a rehearsal is given: a key pair, and where MNIST is."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.flow import FlowError

_MIRROR = "https://storage.googleapis.com/cvdf-datasets/mnist"


def create_keys(folder: Path) -> tuple[str, str]:
    """Create a key pair as a bank would have, P-256 in PEM; return both paths."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private, public = folder / "signing.pem", folder / "signing.pub"
    private.touch(mode=0o600)  # before the key is in it
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, spki))
    return str(private), str(public)


def find_mnist() -> dict[str, str]:
    """Return the variable that names MNIST's folder; none where a mirror has the files.

    Raises:
        FlowError: MNIST is neither in a folder nor on the mirror.
    """
    if folder := os.environ.get("MNIST_DIR"):
        return {"MNIST_DIR": str(Path(folder).resolve())}
    try:
        httpx.head(f"{_MIRROR}/train-images-idx3-ubyte.gz", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise FlowError(
            f"MNIST was not found: {_MIRROR} does not answer ({error}), and MNIST_DIR is not "
            "set; set it to a folder with the four MNIST files, gzipped or not"
        ) from error
    return {}
