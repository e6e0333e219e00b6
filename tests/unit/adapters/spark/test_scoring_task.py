"""A file that cannot be scored is a row with its reason, whatever its fault."""

from __future__ import annotations

import hashlib

import pytest

from crosscloud_mnist.adapters.spark import scoring_task
from crosscloud_mnist.adapters.spark.scoring_task import prepare_file, prepare_image
from crosscloud_mnist.preprocessing.formats import MAX_FILE_BYTES
from rehearsal.mnist_contract import mnist_contract


def test_a_file_that_is_no_image_keeps_its_digest(tmp_path):
    (tmp_path / "12:30.png").write_bytes(b"not an image")
    score = prepare_file(f"file:{tmp_path / '12:30.png'}", mnist_contract()).score
    assert score["digest"] == hashlib.sha256(b"not an image").hexdigest()
    assert "cannot be opened" in score["error"]


@pytest.mark.parametrize("name", ["folder", "missing.png"])
def test_what_is_no_file_has_a_reason(tmp_path, name):
    (tmp_path / "folder").mkdir()
    score = prepare_file(f"file:{tmp_path / name}", mnist_contract()).score
    assert "not a regular file" in score["error"] or "No such file" in score["error"]


def test_a_file_that_is_too_long_is_not_read_whole(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1000 * MAX_FILE_BYTES)
    assert (
        f"more than {MAX_FILE_BYTES:,} bytes"
        in prepare_file(f"{tmp_path}/huge.png", mnist_contract()).score["error"]
    )


def test_an_image_that_exhausts_the_memory_does_not_end_the_task(monkeypatch):
    def exhaust_memory(image):
        raise MemoryError

    monkeypatch.setattr(scoring_task, "open_image", exhaust_memory)
    assert "MemoryError" in prepare_image(b"image", mnist_contract()).score["error"]


def test_a_row_without_content_has_a_reason():
    assert "no content" in prepare_image(None, mnist_contract()).score["error"]
