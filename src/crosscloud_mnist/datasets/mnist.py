"""MNIST, or other digits in one of its forms, from the first source that has them."""

from __future__ import annotations

import hashlib
import http.client
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from crosscloud_mnist.datasets.idx_digits import read_idx_files
from crosscloud_mnist.datasets.mnist_files import FILES, find_file
from crosscloud_mnist.datasets.mnist_mirror import fetch, is_available
from crosscloud_mnist.datasets.packed_digits import find_packed, read_packed
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.datasets.uci_digits import load_raw_digits
from crosscloud_mnist.errors import DataError, IdxError
from crosscloud_mnist.redaction import mask_uris, mask_uris_in, summarize
from crosscloud_mnist.storage import atomic, idx

logger = logging.getLogger(__name__)


class MnistDataset(AbstractDataset[NoReturn, RawDigits]):
    """MNIST as it was published, or other digits in one of its forms; load only.

    The sources in order: ``folder`` if it is set, ``cache``, the mirrors (what they return is kept
    in ``cache``), and the UCI handwritten digits if ``allow_uci_fallback`` allows them. A folder
    has the four IDX files under any of their usual names (see ``datasets.mnist_files``), plain or
    gzip-compressed, or one file that holds them all (see ``datasets.packed_digits``). The SHA-256
    of the uncompressed IDX bytes decides whether it is MNIST. Other digits keep their own name,
    unless ``require_mnist`` rejects them. Where one of four files is MNIST's, the other three must
    be, too: such a file is broken, and no data set of its own.

    Example usage for the YAML API:

    .. code-block:: yaml

        mnist:
          type: crosscloud_mnist.datasets.mnist.MnistDataset
          folder: ${oc.env:MNIST_DIR,null}
          cache: data/01_raw
          mirrors:
            - https://storage.googleapis.com/cvdf-datasets/mnist
          sha256: ${globals:mnist_sha256}

    Example usage for the Python API:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.mnist import MnistDataset
        >>> dataset = MnistDataset(sha256=digests, cache="data/01_raw", folder="MNIST/raw")
        >>> len(dataset.load().files["t10k-labels-idx1-ubyte"])
        10008

    Args:
        sha256: Of each file's uncompressed bytes, hexadecimal, by its name in ``FILES``.
        cache: Folder for files that a user put there or that were downloaded.
        folder: Folder that must have the files, if it is set (``MNIST_DIR``).
        mirrors: Base URLs that have the files as ``<name>.gz``.
        allow_uci_fallback: Whether to use the digits of scikit-learn instead if need be.
        require_mnist: Whether to reject digits that are not MNIST's.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        sha256: Mapping[str, str],
        cache: str,
        folder: str | None = None,
        mirrors: Sequence[str] = (),
        allow_uci_fallback: bool = False,
        require_mnist: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._sha256 = sha256
        self._cache = Path(cache)
        self._folder = Path(folder) if folder else None
        self._mirrors = tuple(mirrors)
        self._allow_uci_fallback = allow_uci_fallback
        self._require_mnist = require_mnist
        self.metadata = metadata

    def load(self) -> RawDigits:
        """Read, decompress and verify the four files, or the file that holds them all.

        Raises:
            DataError: A file is absent, broken, or not the published one; or no source has the
                files.
        """
        if self._folder:
            return self._read(self._folder)
        cached = [find_file(self._cache, name) is not None for name in FILES]
        if all(cached) or find_packed(self._cache):
            return self._read(self._cache)
        for mirror in self._mirrors:
            try:
                return self._download(mirror)
            except (OSError, http.client.HTTPException, IdxError) as error:
                logger.warning("%s has no MNIST: %s", mask_uris(mirror), summarize(str(error)))
        if any(cached):  # those of a user, or of a download that was interrupted
            return self._read(self._cache)
        if self._allow_uci_fallback:
            return load_raw_digits()
        raise self._not_found()

    def find_source(self) -> str:
        """Return what ``load`` would read: files are verified, mirrors only reached.

        Raises:
            DataError: As ``load``.
        """
        folder = self._folder or self._cache
        if self._folder or find_packed(folder) or any(find_file(folder, name) for name in FILES):
            digits = self._read(folder)
            return f"{digits.dataset} in {digits.source}"
        for mirror in self._mirrors:
            if is_available(f"{mirror.rstrip('/')}/{FILES[0]}.gz"):
                return f"the mirror {mask_uris(mirror)}"
        if self._allow_uci_fallback:
            return "the UCI digits of scikit-learn: no source has MNIST"
        raise self._not_found()

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Reject: the published files are never written.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("MNIST is load only: nothing can be saved to it")

    def _not_found(self) -> IdxError:
        return IdxError(
            f"MNIST is not in {self._cache} and no mirror has it, expected the four files; set "
            "MNIST_DIR to a folder that has them"
        )

    def _read(self, folder: Path) -> RawDigits:
        has_idx_files = any(find_file(folder, name) for name in FILES)
        if not has_idx_files and (packed := find_packed(folder)):
            return self._identify(read_packed(packed))
        digits = read_idx_files(folder)
        if set(digits.hash_files().values()) & set(self._sha256.values()):
            for name, content in digits.files.items():
                self._verify(name, digits.name_of(name), content)
        return self._identify(digits)

    def _download(self, mirror: str) -> RawDigits:
        files, compressed = {}, {}
        for name in FILES:
            compressed[name] = fetch(f"{mirror.rstrip('/')}/{name}.gz")
            source = f"{mask_uris(mirror)}/{name}.gz"
            files[name] = idx.decompress(compressed[name], source)
            self._verify(name, source, files[name])
        for name, content in compressed.items():
            atomic.write_bytes(self._cache / f"{name}.gz", content)
        return RawDigits("mnist", mask_uris(mirror), files)

    def _verify(self, name: str, source: str, content: bytes) -> None:
        """Check that the uncompressed bytes are those of the published file."""
        found, expected = hashlib.sha256(content).hexdigest(), self._sha256[name]
        if found == expected:
            return
        for other, digest in self._sha256.items():
            if found == digest:
                raise IdxError(f"{source}: holds {other}, expected {name}; exchange the files")
        idx.decode(content, source)  # names what is wrong with a truncated file
        raise IdxError(
            f"{source}: SHA-256 of the uncompressed bytes is {found}, expected {expected}; "
            "fetch the file again"
        )

    def _identify(self, digits: RawDigits) -> RawDigits:
        """Return the digits under the name ``mnist`` if they are the published ones."""
        if digits.hash_files() == dict(self._sha256):
            return replace(digits, dataset="mnist")
        if self._require_mnist:
            raise DataError(
                f"{digits.source}: holds other digits than MNIST's by their SHA-256, expected the "
                "published ones; fetch them, or set require_mnist to false in the globals"
            )
        logger.warning(
            "%s holds other digits than MNIST's: the run is tagged dataset=%s.",
            *(digits.source, digits.dataset),
        )
        return digits

    def _init_config(self) -> dict[str, Any]:
        """Return what ``kedro catalog`` prints, with the passwords of mirrors masked."""
        config: dict[str, Any] = mask_uris_in(super()._init_config())
        return config

    def _describe(self) -> dict[str, Any]:
        return {"folder": self._folder and str(self._folder), "cache": str(self._cache)}
