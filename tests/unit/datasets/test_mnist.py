"""The four files: where they are taken from, and what is said of broken ones."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from crosscloud_mnist.datasets.mnist import FILES, MnistDataset
from crosscloud_mnist.errors import IdxError
from crosscloud_mnist.storage import idx

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = FILES


@pytest.fixture(scope="module")
def contents() -> Mapping[str, bytes]:
    random = np.random.default_rng(0)
    arrays = {}
    for images, labels, count in ((IMAGES, LABELS, 30), (TEST_IMAGES, TEST_LABELS, 20)):
        arrays[images] = idx.encode(random.integers(0, 256, (count, 28, 28), np.uint8))
        arrays[labels] = idx.encode(np.arange(count, dtype=np.uint8) % 10)
    return arrays


@pytest.fixture
def sha256(contents: Mapping[str, bytes]) -> Mapping[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def put(folder: Path, contents: Mapping[str, bytes], *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_reads_plain_and_packed_files(tmp_path, contents, sha256, packed):
    folder = put(tmp_path / "given", contents, packed=packed)
    raw = MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()
    assert raw.files == contents
    assert (raw.dataset, raw.source) == ("mnist", str(folder))


def test_the_folder_given_comes_before_the_cache(tmp_path, contents, sha256, raises_cause):
    cache = put(tmp_path / "cache", contents)
    raw = MnistDataset(sha256=sha256, cache=str(cache)).load()
    assert raw.source == str(cache)
    with raises_cause(IdxError, "no such file"):
        MnistDataset(sha256=sha256, cache=str(cache), folder=str(tmp_path / "empty")).load()


def break_truncated(path: Path, others: Mapping[str, bytes]) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def break_corrupted(path: Path, others: Mapping[str, bytes]) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))


def break_swapped(path: Path, others: Mapping[str, bytes]) -> None:
    path.write_bytes(others[TEST_IMAGES])


def break_absent(path: Path, others: Mapping[str, bytes]) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (break_truncated, "holds 23515 values, expected 23520"),
        (break_corrupted, "SHA-256 of the uncompressed bytes is"),
        (break_swapped, f"holds {TEST_IMAGES}, expected {IMAGES}"),
        (break_absent, "no such file, expected it there"),
    ],
)
def test_says_which_file_is_broken_and_how(tmp_path, contents, sha256, harm, said, raises_cause):
    folder = put(tmp_path, contents)
    harm(folder / IMAGES, contents)
    with raises_cause(IdxError, f"{re.escape(str(folder / IMAGES))}: .*{said}"):
        MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()


def test_says_that_a_gzip_stream_is_broken(tmp_path, contents, sha256, raises_cause):
    folder = put(tmp_path, contents, packed=True)
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with raises_cause(IdxError, "gzip stream is broken"):
        MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()


@pytest.fixture
def mirror(tmp_path: Path, contents: Mapping[str, bytes]) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    folder = put(tmp_path / "mirror", contents, packed=True)
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_keeps_what_a_mirror_gives(tmp_path, contents, sha256, mirror):
    cache = tmp_path / "cache"
    mirrors = ["http://127.0.0.1:9", mirror]
    raw = MnistDataset(sha256=sha256, cache=str(cache), mirrors=mirrors).load()
    assert (raw.files, raw.source) == (contents, mirror)
    assert MnistDataset(sha256=sha256, cache=str(cache)).load().source == str(cache)


def test_keeps_nothing_where_a_mirror_gives_something_else(tmp_path, sha256, mirror, raises_cause):
    wrong = {**sha256, TEST_LABELS: "0" * 64}
    cache = tmp_path / "cache"
    with raises_cause(IdxError, "no mirror gives it"):
        MnistDataset(sha256=wrong, cache=str(cache), mirrors=[mirror]).load()
    assert not cache.exists()


def test_falls_back_to_the_uci_digits_only_where_that_is_allowed(
    tmp_path, sha256, caplog, raises_cause
):
    raw = MnistDataset(sha256=sha256, cache=str(tmp_path), allow_uci_fallback=True).load()
    assert raw.dataset == "uci-digits"
    assert "MNIST IS NOT AT HAND" in caplog.text
    images = idx.decode(raw.files[IMAGES], IMAGES)
    assert images.shape == (1437, 28, 28)
    with raises_cause(IdxError, "set MNIST_DIR"):
        MnistDataset(sha256=sha256, cache=str(tmp_path)).load()


def test_is_never_written_to(tmp_path, sha256):
    with pytest.raises(DatasetError, match="load only"):
        MnistDataset(sha256=sha256, cache=str(tmp_path)).save(object())
