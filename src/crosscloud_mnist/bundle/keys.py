"""The key pair of a workspace: creation, and keys as files for the signing library."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage import atomic

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_LOCK_SECONDS = 60
_EXPECTED = "expected an unencrypted elliptic-curve key as PEM text, or the path of a PEM file"


def create_key_pair(private: Path, public: Path) -> None:
    """Create a P-256 key pair, unless the private key exists; one process at a time.

    The private key is renamed to its final name last: where it exists, its public key exists too,
    even if the process was killed. It has mode 0600 from its creation.

    Raises:
        ConfigurationError: The folder cannot be written to, or another process holds the lock.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from filelock import FileLock, Timeout

    try:
        private.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(private.with_name(f".{private.name}.lock"), timeout=_LOCK_SECONDS):
            if private.exists():
                return
            key = ec.generate_private_key(ec.SECP256R1())
            content = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            descriptor, temporary = tempfile.mkstemp(dir=private.parent)  # of mode 0600
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                atomic.write_bytes(public, public_pem(key.public_key()))
                Path(temporary).rename(private)
            finally:
                Path(temporary).unlink(missing_ok=True)
    except Timeout as error:
        raise ConfigurationError(
            f"{private} is still being created by another process after {_LOCK_SECONDS} s, "
            "expected it to be complete by then; end that process, and run again"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the key pair {private} cannot be created ({error.strerror}), expected a folder that "
            "may be written to; check its permissions and the free space"
        ) from error


def public_pem(key: PublicKeyTypes) -> bytes:
    """Return a public key as PEM."""
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@contextmanager
def key_file(key: str | None, purpose: str) -> Iterator[Path]:
    """Yield a key's file. PEM text is written to a file for the block, readable by its owner only.

    Args:
        key: PEM text, or the path of a PEM file.
        purpose: For messages: ``signing`` or ``verifying``.

    Raises:
        ConfigurationError: There is no key, or it is neither text nor a file, or it is empty.
    """
    if not key:
        raise ConfigurationError(f"there is no {purpose} key, {_EXPECTED}; see credentials.yml")
    if "-----BEGIN" in key:
        with tempfile.TemporaryDirectory() as folder:  # of mode 0700
            path = Path(folder) / "key.pem"
            path.write_text(key)
            yield path
        return
    if not _is_file(key):
        raise ConfigurationError(
            f"the {purpose} key is no PEM text and no file, {_EXPECTED}; see credentials.yml, or "
            "run kedro run --pipelines train, which creates a pair in base"
        )
    yield Path(key)


def check_public_key(key: str | None) -> None:
    """Check that bundles can be verified with the key.

    Args:
        key: PEM text, or the path of a PEM file.

    Raises:
        ConfigurationError: There is no key, or it cannot be used.
    """
    from cryptography.hazmat.primitives import serialization

    with key_file(key, "verifying") as path:
        try:
            serialization.load_pem_public_key(path.read_bytes())
        except ValueError as error:
            raise invalid_key(key, "verifying") from error


def invalid_key(key: str | None, purpose: str, reason: str = "") -> ConfigurationError:
    """Return the error for a key that the library rejects; it shows no part of the key."""
    path = Path(key) if key and "-----BEGIN" not in key else None
    if path is None:
        return ConfigurationError(
            f"the {purpose} key cannot be used{reason and f' ({reason})'}, {_EXPECTED}; see "
            "credentials.yml"
        )
    found = reason or ("it is empty" if path.stat().st_size == 0 else "it is damaged")
    return ConfigurationError(
        f"the {purpose} key {path} cannot be used ({found}), {_EXPECTED}; restore it from a copy, "
        "or move both files of the pair away to create a new one, and train again"
    )


def _is_file(key: str) -> bool:
    try:
        return Path(key).is_file()
    except (OSError, ValueError):  # a key in another form: the error would show it
        return False
