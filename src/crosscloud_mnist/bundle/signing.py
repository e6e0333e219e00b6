"""The signature of a bundle: OpenSSF model-signing over every file of it.

https://github.com/ossf/model-signing-spec: a DSSE envelope with the SHA-256 of each file, signed
with ECDSA P-256. The sandbox holds the private key; every other workspace holds the public one.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle.keys import create_key_pair, invalid_key, key_file, public_pem
from crosscloud_mnist.bundle.layout import ADDED_BY_MLFLOW, list_files
from crosscloud_mnist.errors import VerificationError

SIGNATURE = "model.sig"

_UNSIGNED = (SIGNATURE, ADDED_BY_MLFLOW)


class Signer:
    """Signs bundles.

    Args:
        private_key: PEM text, or the path of a PEM file.
        public_key: The same of its public key.
        generate: Whether to create a key pair at those paths where there is none.
    """

    def __init__(
        self, private_key: str | None, public_key: str | None = None, *, generate: bool = False
    ) -> None:
        self._private_key = private_key
        self._public_key = public_key
        self._generate = generate

    def check(self) -> None:
        """Create the key pair where that is wanted, and check that it can sign.

        Raises:
            ConfigurationError: There is no key, it cannot sign, or the two are not a pair.
        """
        with self._config():
            pass

    def sign(self, folder: Path) -> None:
        """Write the signature into the folder.

        Raises:
            ConfigurationError: As ``check``.
        """
        with self._config() as config:
            config.set_hashing_config(_hashing()).sign(folder, folder / SIGNATURE)

    @contextmanager
    def _config(self) -> Iterator[Any]:
        """Give the library's configuration, which has no annotations."""
        from model_signing import signing

        if self._generate and self._private_key and self._public_key:
            create_key_pair(Path(self._private_key), Path(self._public_key))
        with key_file(self._private_key, "signing") as path:
            try:
                config = signing.Config().use_elliptic_key_signer(private_key=path)
            except (ValueError, TypeError) as error:
                raise invalid_key(self._private_key, "signing") from error
            self._check_pair(path)
            yield config

    def _check_pair(self, private: Path) -> None:
        from cryptography.hazmat.primitives import serialization

        if not self._public_key:
            return
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        with key_file(self._public_key, "verifying") as path:
            try:
                public = serialization.load_pem_public_key(path.read_bytes())
            except ValueError as error:
                raise invalid_key(self._public_key, "verifying") from error
        if public_pem(public) != public_pem(key.public_key()):
            raise invalid_key(self._public_key, "verifying", "it is not that of the signing key")


class Verifier:
    """Verifies bundles.

    Args:
        public_key: PEM text, or the path of a PEM file.
    """

    def __init__(self, public_key: str | None) -> None:
        self._public_key = public_key
        threading.Thread(target=_import_model_signing).start()  # while the bundle is fetched

    def verify(self, folder: Path) -> dict[str, str]:
        """Check that every file is the one that was signed; nothing of the bundle is loaded.

        Returns:
            The SHA-256, hexadecimal, of every file that was signed, by its path in the folder.

        Raises:
            ConfigurationError: There is no public key, or it cannot be used.
            VerificationError: There is no signature, it is another key's, or a file differs from
                the signed one, is missing, was added, or is no plain file.
        """
        from model_signing import verifying

        with key_file(self._public_key, "verifying") as path:
            try:
                config = verifying.Config().use_elliptic_key_verifier(public_key=path)
            except (ValueError, TypeError) as error:
                raise invalid_key(self._public_key, "verifying") from error
            files = list_files(folder)
            if SIGNATURE not in files:
                raise VerificationError(
                    f"the bundle has no {SIGNATURE}, expected the sandbox's signature; it is "
                    "rejected: train and sign it again"
                )
            hashes = _verify(config, folder)
        unsigned = sorted(files.keys() - hashes.keys() - set(_UNSIGNED))
        if unsigned:
            raise _rejection(f"{', '.join(unsigned)} is not signed")
        return hashes


def _import_model_signing() -> None:
    """Import what takes half a second; where that fails, ``verify`` reports it."""
    with suppress(Exception):
        import model_signing.verifying  # noqa: F401


def _verify(config: Any, folder: Path) -> dict[str, str]:
    from cryptography.exceptions import InvalidSignature

    hashing = _hashing()
    try:
        config.set_hashing_config(hashing).verify(folder, folder / SIGNATURE)
    except InvalidSignature as error:
        raise _rejection("it is not of the expected key") from error
    except Exception as error:  # a crafted signature file fails in the parser's own ways
        raise _rejection(" ".join(str(error).split()) or type(error).__name__) from error
    return dict(hashing.hashes)


def _rejection(reason: str) -> VerificationError:
    # The file's name is enough: the two digests are raw bytes, in quotes that depend on them.
    reason = re.sub(
        r": Expected 'Digest.*?(?=, [\"']Hash mismatch|\]$)", "", reason.replace("\\'", "'")
    )
    return VerificationError(
        f"the bundle's signature is not valid ({reason[:500]}), expected the sandbox's over "
        "exactly these files; it is rejected: fetch or train it again"
    )


def _hashing() -> Any:
    """Return the library's hashing configuration, which keeps the hashes of the signed files."""
    from model_signing import hashing

    class KeptHashes(hashing.Config):
        """Keeps the hashes, so that no file is read twice."""

        hashes: dict[str, str]

        def hash(self, *arguments: Any, **options: Any) -> Any:
            manifest = super().hash(*arguments, **options)
            self.hashes = {
                each.identifier: each.digest.digest_hex for each in manifest.resource_descriptors()
            }
            return manifest

    return KeptHashes().set_ignored_paths(paths=_UNSIGNED, ignore_git_paths=False)
