"""A model bundle on storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from crosscloud_mnist.bundle import (
    SIGNATURE,
    Bundle,
    BundleContents,
    Signer,
    digest_of,
    pin_requirements,
    write,
)
from crosscloud_mnist.errors import BundleError


class BundleDataset(AbstractDataset[BundleContents, Bundle]):
    """Saves ``BundleContents`` as a signed bundle, and loads the ``Bundle`` (folder and digest).

    In a catalog::

        bundle:
          type: crosscloud_mnist.datasets.bundle.BundleDataset
          filepath: data/06_models/bundle
          credentials: signing  # private_key and public_key

    In Python::

        dataset = BundleDataset(filepath="bundle", credentials={"private_key": "signing.pem"})
        dataset.save(contents)
        bundle = dataset.load()

    Args:
        filepath: The bundle's folder.
        credentials: ``private_key`` and ``public_key``, as PEM text or paths of PEM files.
        generate_signing_key: Whether to make a key pair at those paths where there is none yet.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        filepath: str,
        credentials: dict[str, str | None],
        generate_signing_key: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._signer = Signer(**credentials, generate=generate_signing_key)
        self.metadata = metadata

    def load(self) -> Bundle:
        """Return the bundle; its digest is computed from the files.

        Raises:
            BundleError: There is no complete bundle.
        """
        if not self._exists():
            raise BundleError(
                f"{self._filepath} is not a complete bundle (no {SIGNATURE}), expected the one "
                "that train writes there; run kedro run --pipelines train"
            )
        return Bundle(self._filepath, digest_of(self._filepath))

    def save(self, data: BundleContents) -> None:
        """Write and sign the bundle.

        Raises:
            BundleError: The ONNX graph does not answer as Keras did.
            ConfigurationError: There is no key to sign with.
        """
        write(data, self._filepath, self._signer)

    def check(self) -> None:
        """Check before a long run that a bundle can be signed, and its environment pinned.

        Raises:
            BundleError: The installed distributions contradict each other.
            ConfigurationError: There is no key to sign with.
        """
        self._signer.check()
        pin_requirements()

    def _exists(self) -> bool:
        return (self._filepath / SIGNATURE).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
