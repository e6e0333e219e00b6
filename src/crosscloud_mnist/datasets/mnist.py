"""The four MNIST files, from the first place that has them."""

from __future__ import annotations

import hashlib
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import atomic, idx

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_MIRROR_TIMEOUT_SECONDS = 20
_MAX_DOWNLOAD = 64 * 2**20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawDigits:
    """Four IDX files, verified.

    Attributes:
        dataset: ``mnist`` or ``uci-digits``.
        source: The folder, mirror or package that they came from.
        files: The uncompressed bytes under each name of ``FILES``.
    """

    dataset: str
    source: str
    files: Mapping[str, bytes]


class MnistDataset(AbstractDataset[NoReturn, RawDigits]):
    """MNIST as it was published, load only.

    The sources in order: ``folder`` where it is set, ``cache``, the mirrors (what they give is
    kept in ``cache``), and the UCI handwritten digits where ``allow_uci_fallback`` allows them.

    Args:
        sha256: Of each file's uncompressed bytes, hexadecimal.
        cache: Folder for files that were put there or downloaded.
        folder: Folder that must have the files, where it is set (``MNIST_DIR``).
        mirrors: Base URLs that hold the files as ``<name>.gz``.
        allow_uci_fallback: Whether to fall back to the digits that scikit-learn carries.
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
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._sha256 = sha256
        self._cache = Path(cache)
        self._folder = Path(folder) if folder else None
        self._mirrors = tuple(mirrors)
        self._allow_uci_fallback = allow_uci_fallback
        self.metadata = metadata

    def load(self) -> RawDigits:
        """Read, unpack and verify the four files.

        Raises:
            IdxError: A file is absent where the others are, is broken, or is not the published
                one; or no source has the files.
        """
        if self._folder:
            return self._read(self._folder)
        if any(_find(self._cache, name) for name in FILES):
            return self._read(self._cache)
        for mirror in self._mirrors:
            try:
                return self._download(mirror)
            except (OSError, IdxError) as error:
                logger.warning("%s does not give MNIST: %s", mirror, error)
        if self._allow_uci_fallback:
            return _uci_digits()
        raise IdxError(
            f"MNIST is not in {self._cache} and no mirror gives it, expected the four files; set "
            "MNIST_DIR to a folder that has them"
        )

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: the published files are never written to."""
        raise DatasetError("MNIST is load only: nothing can be saved to it")

    def _read(self, folder: Path) -> RawDigits:
        paths = {name: _find(folder, name) for name in FILES}
        for name, path in paths.items():
            if path is None:
                raise IdxError(
                    f"{folder / name}: no such file, expected it there (plain or .gz) with the "
                    "other three; put it there, or set MNIST_DIR to a folder that has all four"
                )
        files = {
            name: self._verified(name, str(path), path.read_bytes())
            for name, path in paths.items()
            if path
        }
        return RawDigits("mnist", str(folder), files)

    def _download(self, mirror: str) -> RawDigits:
        packed = {name: _fetch(f"{mirror.rstrip('/')}/{name}.gz") for name in FILES}
        files = {
            name: self._verified(name, f"{mirror}/{name}.gz", content)
            for name, content in packed.items()
        }
        for name, content in packed.items():
            atomic.write_bytes(self._cache / f"{name}.gz", content)
        return RawDigits("mnist", mirror, files)

    def _verified(self, name: str, where: str, content: bytes) -> bytes:
        content = idx.decompress(content, where)
        found, expected = hashlib.sha256(content).hexdigest(), self._sha256[name]
        if found == expected:
            return content
        for other, digest in self._sha256.items():
            if found == digest:
                raise IdxError(f"{where}: holds {other}, expected {name}; put the files right")
        idx.decode(content, where)  # a truncated file is called so by its own header
        raise IdxError(
            f"{where}: SHA-256 of the uncompressed bytes is {found}, expected {expected}; "
            "fetch the file again"
        )

    def _describe(self) -> dict[str, Any]:
        return {"folder": self._folder and str(self._folder), "cache": str(self._cache)}


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _fetch(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise IdxError(f"{url}: expected a mirror's http or https address")
    with urllib.request.urlopen(url, timeout=_MIRROR_TIMEOUT_SECONDS) as response:  # noqa: S310
        content: bytes = response.read(_MAX_DOWNLOAD + 1)
    if len(content) > _MAX_DOWNLOAD:
        raise IdxError(f"{url}: larger than {_MAX_DOWNLOAD} bytes, expected an MNIST file")
    return content


def _uci_digits() -> RawDigits:
    from crosscloud_mnist.datasets.uci_digits import load_as_mnist

    logger.warning(
        "MNIST IS NOT AT HAND: using the 1,797 UCI handwritten digits instead, upsampled to "
        "28 x 28. The figures are not MNIST's, and the run is tagged dataset=uci-digits. "
        "Set MNIST_DIR to a folder with the four files to use MNIST."
    )
    return RawDigits("uci-digits", "scikit-learn", load_as_mnist())
