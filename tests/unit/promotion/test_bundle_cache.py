"""The cache downloads a bundle once, verifies it every time, and evicts what is old."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.promotion import bundle_cache


@pytest.fixture
def download(tiny_bundle):
    """Writes the bundle, and counts how often."""

    class Download:
        count = 0

        def __call__(self, folder: Path) -> None:
            self.count += 1
            shutil.copytree(tiny_bundle.folder, folder)

    return Download()


def test_a_bundle_is_downloaded_once(download, tiny_bundle, verifier, tmp_path):
    for _ in range(2):
        bundle = bundle_cache.get(download, verifier, tmp_path, tiny_bundle.digest)
    assert (bundle.folder, bundle.digest) == (tmp_path / tiny_bundle.digest, tiny_bundle.digest)
    assert download.count == 1
    assert [path.name for path in tmp_path.iterdir()] == [tiny_bundle.digest]


def test_a_cached_bundle_that_was_changed_is_downloaded_again(
    download, tiny_bundle, verifier, tmp_path
):
    bundle = bundle_cache.get(download, verifier, tmp_path, tiny_bundle.digest)
    bundle.onnx.write_bytes(b"another graph")
    again = bundle_cache.get(download, verifier, tmp_path, tiny_bundle.digest)
    assert again.onnx.read_bytes() == tiny_bundle.onnx.read_bytes()
    assert download.count == 2


def test_a_download_that_is_not_the_recorded_bundle_is_not_cached(download, verifier, tmp_path):
    with pytest.raises(VerificationError, match="digest is .* expected 0000"):
        bundle_cache.get(download, verifier, tmp_path, "0000")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_fails_leaves_nothing(verifier, tmp_path):
    def fail(folder: Path) -> None:
        folder.mkdir()
        raise RegistryError("gone")

    with pytest.raises(RegistryError, match="gone"):
        bundle_cache.get(fail, verifier, tmp_path, "0000")
    assert list(tmp_path.iterdir()) == []


def test_of_two_downloads_at_once_the_first_stays(download, tiny_bundle, verifier, tmp_path):
    def download_while_another_finishes(folder: Path) -> None:
        download(folder)
        download(tmp_path / tiny_bundle.digest)

    bundle = bundle_cache.get(
        download_while_another_finishes, verifier, tmp_path, tiny_bundle.digest
    )
    assert bundle.folder == tmp_path / tiny_bundle.digest


def test_old_bundles_are_evicted_but_the_one_to_keep_stays(tmp_path):
    for name, age in (("champion", 100), ("old", 100), ("new", 1)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    bundle_cache.evict(tmp_path, 50, "champion")
    assert {path.name for path in tmp_path.iterdir()} == {"champion", "new"}
