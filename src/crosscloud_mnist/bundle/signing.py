"""Who vouches for a bundle: an OpenSSF model-signing signature over every file of it.

https://github.com/ossf/model-signing-spec: a DSSE envelope with the SHA-256 of each file, signed
with ECDSA P-256. The sandbox holds the private key; whoever takes a bundle holds the public one.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crosscloud_mnist.bundle.layout import ADDED_BY_MLFLOW
from crosscloud_mnist.errors import ConfigurationError, VerificationError

SIGNATURE = "model.sig"

_UNSIGNED = (SIGNATURE, ADDED_BY_MLFLOW)


class Signer:
    """Signs bundles.

    Args:
        private_key: PEM text, or the path of a PEM file.
        public_key: The same of its public key.
        generate: Whether to make a key pair at those paths where there is none yet.
    """

    def __init__(
        self, private_key: str | None, public_key: str | None = None, *, generate: bool = False
    ) -> None:
        self._private_key = private_key
        self._public_key = public_key
        self._generate = generate

    def check(self) -> None:
        """Make the key pair where that is wanted, and look whether it can sign.

        Raises:
            ConfigurationError: There is no key, or it is none that can sign.
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
        from model_signing import signing

        if self._generate and self._private_key and self._public_key:
            _generate_key_pair(Path(self._private_key), Path(self._public_key))
        with _key_file(self._private_key, "signing") as key:
            try:
                config = signing.Config().use_elliptic_key_signer(private_key=key)
            except (ValueError, TypeError) as error:
                raise _unusable("signing") from error
            yield config


class Verifier:
    """Verifies bundles.

    Args:
        public_key: PEM text, or the path of a PEM file.
    """

    def __init__(self, public_key: str | None) -> None:
        self._public_key = public_key

    def verify(self, folder: Path) -> dict[str, str]:
        """Check that every file is the one that was signed; nothing of the bundle is loaded.

        Returns:
            The SHA-256, hexadecimal, of every file that was signed, by its path in the folder.

        Raises:
            ConfigurationError: There is no public key, or it is none.
            VerificationError: There is no signature, it is another key's, or a file differs from
                the signed one, is missing, or was added.
        """
        from cryptography.exceptions import InvalidSignature
        from model_signing import verifying

        with _key_file(self._public_key, "verifying") as key:
            try:
                config = verifying.Config().use_elliptic_key_verifier(public_key=key)
            except (ValueError, TypeError) as error:
                raise _unusable("verifying") from error
            if not (folder / SIGNATURE).is_file():
                raise VerificationError(
                    f"the bundle has no {SIGNATURE}, expected the sandbox's signature; it is "
                    "refused: train and sign it again"
                )
            if (folder / ADDED_BY_MLFLOW).is_dir():  # a folder would hide any number of files
                raise _refused(f"{ADDED_BY_MLFLOW} is a folder, which is not signed")
            hashing = _hashing()
            try:
                config.set_hashing_config(hashing).verify(folder, folder / SIGNATURE)
            except InvalidSignature as error:
                raise _refused("it is not of the expected key") from error
            except Exception as error:  # a crafted signature file fails in the parser's own ways
                raise _refused(" ".join(str(error).split()) or type(error).__name__) from error
        return dict(hashing.hashes)


def _refused(reason: str) -> VerificationError:
    # The file's name is enough: the two digests are raw bytes, in quotes that depend on them.
    reason = re.sub(
        r": Expected 'Digest.*?(?=, [\"']Hash mismatch|\]$)", "", reason.replace("\\'", "'")
    )
    return VerificationError(
        f"the bundle's signature does not hold ({reason[:500]}), expected the sandbox's over "
        "exactly these files; it is refused: fetch or train it again"
    )


def _hashing() -> Any:
    from model_signing import hashing

    class Remembering(hashing.Config):
        """Keeps what it worked out, so that no file is read twice."""

        hashes: dict[str, str]

        def hash(self, *arguments: Any, **options: Any) -> Any:
            manifest = super().hash(*arguments, **options)
            self.hashes = {
                each.identifier: each.digest.digest_hex for each in manifest.resource_descriptors()
            }
            return manifest

    return Remembering().set_ignored_paths(paths=_UNSIGNED, ignore_git_paths=False)


def _unusable(purpose: str) -> ConfigurationError:
    return ConfigurationError(
        f"the {purpose} key cannot be used, expected an unencrypted elliptic-curve key as PEM; "
        "see credentials.yml"
    )


@contextmanager
def _key_file(key: str | None, purpose: str) -> Iterator[Path]:
    """Give the key as a file: PEM text is one only as long as it is needed, for this user only."""
    if not key:
        raise ConfigurationError(
            f"there is no {purpose} key, expected PEM text or the path of a PEM file; see "
            "credentials.yml"
        )
    if "-----BEGIN" not in key:
        if not _is_file(key):
            raise ConfigurationError(
                f"the {purpose} key is no PEM text and no file, expected one of them; see "
                "credentials.yml, or run kedro run --pipelines train, which makes a pair in base"
            )
        yield Path(key)
        return
    with tempfile.TemporaryDirectory() as folder:  # of mode 0700
        path = Path(folder) / "key.pem"
        path.write_text(key)
        yield path


def _is_file(key: str) -> bool:
    try:
        return Path(key).is_file()
    except (OSError, ValueError):  # a key in another form: the error would show it
        return False


def _generate_key_pair(private: Path, public: Path) -> None:
    """Write a new P-256 key pair, unless the private key is there already."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    if private.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    private.parent.mkdir(parents=True, exist_ok=True)
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
