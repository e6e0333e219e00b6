"""Whether MNIST can be had: files on this machine are verified, mirrors are only reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from kedro.io import DatasetError

from crosscloud_mnist.datasets.mnist import MnistDataset
from crosscloud_mnist.datasets.mnist_files import FILES, find_file
from crosscloud_mnist.datasets.packed_digits import find_packed
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.isolation.check_runner import Step, run_steps
from crosscloud_mnist.ports import Check, is_training
from crosscloud_mnist.reachability import check_reachable
from crosscloud_mnist.redaction import mask_uris

_TIMEOUT_SECONDS = 10


class MnistChecks:
    """Checks the sources of ``MnistDataset`` in their order: see ``ports.Checker``.

    Args:
        sha256: Of each file's uncompressed bytes, hexadecimal, by its name in ``FILES``.
        cache: Folder for files that a user put there or that were downloaded.
        folder: Folder that must have the files, if it is set.
        mirrors: Base URLs that have the files as ``<name>.gz``.
        allow_uci_fallback: Whether other digits may be used instead.
        require_mnist: Whether digits that are not MNIST's are rejected.
    """

    def __init__(
        self,
        *,
        sha256: Mapping[str, str],
        cache: str,
        folder: str | None,
        mirrors: Sequence[str],
        allow_uci_fallback: bool,
        require_mnist: bool = False,
    ) -> None:
        self._sha256, self._cache, self._folder = sha256, cache, folder
        self._mirrors, self._allow_uci_fallback = mirrors, allow_uci_fallback
        self._require_mnist = require_mnist

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the check of MNIST; it is required where this workspace trains."""
        step = Step(
            "MNIST",
            "the four published files",
            self._find,
            is_required=is_training(earlier) and not self._allow_uci_fallback,
            timeout_seconds=60,
        )
        return run_steps("data", [step], earlier)

    def _find(self) -> str:
        cache = Path(self._cache)
        if self._folder or find_packed(cache) or any(find_file(cache, name) for name in FILES):
            digits = self._read()
            return f"{digits.dataset} in {digits.source}"
        for mirror in self._mirrors:
            if _has_files(mirror):
                return f"the mirror {mask_uris(mirror)}"
        raise IdxError(
            f"MNIST is not in {self._cache} and no mirror answers, expected the four files; set "
            "MNIST_DIR to a folder that has them"
        )

    def _read(self) -> RawDigits:
        """Read and verify the files of this machine."""
        dataset = MnistDataset(
            sha256=self._sha256,
            cache=self._cache,
            folder=self._folder,
            require_mnist=self._require_mnist,
        )
        try:
            return dataset.load()
        except DatasetError as error:  # Kedro's, around the one that says what is wrong
            raise error.__cause__ or error from None


def _has_files(mirror: str) -> bool:
    url = f"{mirror.rstrip('/')}/{FILES[0]}.gz"
    try:
        check_reachable(url, "a mirror of MNIST", IdxError)
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310  checked by the line above
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
            return True
    except (OSError, ValueError, IdxError):
        return False
