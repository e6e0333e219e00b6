"""The four files: which source they are read from, and how broken ones are reported."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import re
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from crosscloud_mnist.datasets.mnist import MnistDataset
from crosscloud_mnist.datasets.mnist_files import FILES, MAX_FILE_BYTES
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.errors import DataError, IdxError
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


def write_files(folder: Path, contents: Mapping[str, bytes], *, compressed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)
    return folder


@pytest.mark.parametrize("compressed", [False, True])
def test_plain_and_compressed_files_are_read(tmp_path, contents, sha256, compressed):
    folder = write_files(tmp_path / "given", contents, compressed=compressed)
    raw = MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()
    assert raw.files == contents
    assert (raw.dataset, raw.source) == ("mnist", str(folder))


@pytest.mark.parametrize(
    "place",
    [
        lambda name: name.replace("-idx", ".idx"),  # Kaggle
        lambda name: f"{name}/{name}",  # a folder of that name, as Kaggle unpacks it
        lambda name: f"{name}/{name.replace('-idx', '.idx')}",
        lambda name: f"MNIST/raw/{name}",  # torchvision
        lambda name: f"raw/{name}",
        lambda name: f"{name}.GZ",
        lambda name: f"{name.upper()}.gz",
        lambda name: f"MNIST/raw/{name}.gz",
    ],
)
def test_files_are_found_under_their_usual_names(tmp_path, contents, sha256, place):
    for name, content in contents.items():
        path = tmp_path / place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    raw = MnistDataset(sha256=sha256, cache="absent", folder=str(tmp_path)).load()
    assert raw.files == contents


def test_a_file_that_is_too_large_is_rejected_before_it_is_read(
    tmp_path, contents, sha256, raises_cause
):
    folder = write_files(tmp_path, contents)
    os.truncate(folder / IMAGES, MAX_FILE_BYTES + 1)
    with raises_cause(IdxError, "larger than 67108864 bytes, expected an MNIST file"):
        MnistDataset(sha256=sha256, cache="absent", folder=str(folder)).load()


def test_a_given_folder_takes_precedence_over_the_cache(tmp_path, contents, sha256, raises_cause):
    cache = write_files(tmp_path / "cache", contents)
    raw = MnistDataset(sha256=sha256, cache=str(cache)).load()
    assert raw.source == str(cache)
    with raises_cause(IdxError, "no such file"):
        MnistDataset(sha256=sha256, cache=str(cache), folder=str(tmp_path / "empty")).load()


def test_other_digits_in_idx_files_keep_their_own_name(tmp_path, contents, caplog, raises_cause):
    options = {"sha256": dict.fromkeys(FILES, ""), "cache": "absent", "folder": str(tmp_path)}
    write_files(tmp_path, contents, compressed=True)
    raw = MnistDataset(**options).load()
    assert (raw.dataset, raw.source, raw.files) == ("idx-files", str(tmp_path), contents)
    assert "holds other digits than MNIST's: the run is tagged dataset=idx-files" in caplog.text
    assert raw.name_of(LABELS) == str(tmp_path / f"{LABELS}.gz")
    with raises_cause(DataError, "holds other digits than MNIST's .*set require_mnist to false"):
        MnistDataset(**options, require_mnist=True).load()


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
    ("damage", "message"),
    [
        (break_truncated, "holds 23515 values, expected 23520"),
        (break_corrupted, "SHA-256 of the uncompressed bytes is"),
        (break_swapped, f"holds {TEST_IMAGES}, expected {IMAGES}"),
        (break_absent, "no such file, expected it there"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(
    tmp_path, contents, sha256, damage, message, raises_cause
):
    folder = write_files(tmp_path, contents)
    damage(folder / IMAGES, contents)
    with raises_cause(IdxError, f"{re.escape(str(folder / IMAGES))}: .*{message}"):
        MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()


def test_a_broken_gzip_stream_is_named(tmp_path, contents, sha256, raises_cause):
    folder = write_files(tmp_path, contents, compressed=True)
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with raises_cause(IdxError, "gzip stream is broken"):
        MnistDataset(sha256=sha256, cache=str(tmp_path / "cache"), folder=str(folder)).load()


@pytest.fixture
def mirror(tmp_path: Path, contents: Mapping[str, bytes]) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

    folder = write_files(tmp_path / "mirror", contents, compressed=True)
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_files_of_a_mirror_are_kept(tmp_path, contents, sha256, mirror):
    cache = tmp_path / "cache"
    mirrors = ["http://127.0.0.1:9", mirror]
    raw = MnistDataset(sha256=sha256, cache=str(cache), mirrors=mirrors).load()
    assert (raw.files, raw.source) == (contents, mirror)
    assert MnistDataset(sha256=sha256, cache=str(cache)).load().source == str(cache)


@pytest.mark.parametrize("interrupted", ["before a file", "in a file"])
def test_a_download_that_was_interrupted_is_done_again(
    tmp_path, contents, sha256, mirror, interrupted
):
    cache = tmp_path / "cache"
    MnistDataset(sha256=sha256, cache=str(cache), mirrors=[mirror]).load()
    last = cache / f"{FILES[-1]}.gz"
    if interrupted == "before a file":
        last.unlink()
    else:  # as on storage without rename
        last.write_bytes(last.read_bytes()[:100])
        (cache / f".{last.name}.incomplete").touch()
    raw = MnistDataset(sha256=sha256, cache=str(cache), mirrors=[mirror]).load()
    assert (raw.files, raw.source) == (contents, mirror)
    assert MnistDataset(sha256=sha256, cache=str(cache)).load().source == str(cache)


def test_other_files_of_a_mirror_are_not_kept(tmp_path, sha256, mirror, raises_cause):
    wrong = {**sha256, TEST_LABELS: "0" * 64}
    cache = tmp_path / "cache"
    with raises_cause(IdxError, "no mirror has it"):
        MnistDataset(sha256=wrong, cache=str(cache), mirrors=[mirror]).load()
    assert not cache.exists()


def test_the_uci_digits_are_used_only_if_that_is_allowed(tmp_path, sha256, caplog, raises_cause):
    raw = MnistDataset(sha256=sha256, cache=str(tmp_path), allow_uci_fallback=True).load()
    assert raw.dataset == "uci-digits"
    assert "MNIST IS NOT AVAILABLE" in caplog.text
    images = idx.decode(raw.files[IMAGES], IMAGES)
    assert images.shape == (1437, 28, 28)
    with raises_cause(IdxError, "set MNIST_DIR"):
        MnistDataset(sha256=sha256, cache=str(tmp_path)).load()


def test_saving_is_rejected(tmp_path, sha256):
    with pytest.raises(DatasetError, match="load only"):
        MnistDataset(sha256=sha256, cache=str(tmp_path)).save(object())


def test_the_password_of_a_mirror_is_not_shown(tmp_path, sha256, caplog, raises_cause):
    dataset = MnistDataset(
        sha256=sha256, cache=str(tmp_path / "cache"), mirrors=["http://ada:s3cret@127.0.0.1:9"]
    )
    with raises_cause(IdxError, "no mirror has it"):
        dataset.load()
    assert "http://***@127.0.0.1:9 has no MNIST" in caplog.text
    assert "s3cret" not in f"{caplog.text} {dataset} {dataset._init_config()}"


def test_the_uci_digits_lie_where_the_preprocessing_puts_a_digit():
    images = idx.decode(load_as_mnist()[FILES[0]], FILES[0])
    rows, columns = np.indices(images.shape[1:])
    mass = images.sum(axis=(1, 2))
    for index in (rows, columns):
        centre = (images * index).sum(axis=(1, 2)) / mass
        # Half a pixel about the place; a digit of 20 pixels cannot always be moved so far.
        assert np.median(np.abs(centre - 13.5)) < 0.3
        assert np.quantile(np.abs(centre - 13.5), 0.99) < 0.51
