"""A folder of images: every file that is not hidden, opened with care; PNG files saved together."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from crosscloud_mnist.datasets.images import ImageFolderDataset
from crosscloud_mnist.errors import ConfigurationError, ImageError


def image(value=120):
    return Image.new("L", (20, 10), value)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "images"
    (folder / "3").mkdir(parents=True)
    (folder / ".cache").mkdir()
    image().save(folder / "7.png")
    image().save(folder / "3" / "scan.jpg")
    (folder / "notes.txt").write_text("of paper")
    (folder / "1.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / ".DS_Store").write_bytes(b"\0")
    image().save(folder / ".cache" / "9.png")
    return folder


def test_every_file_is_listed_but_hidden_ones(folder, caplog):
    caplog.set_level(logging.INFO)
    loaders = ImageFolderDataset(filepath=str(folder)).load()
    assert list(loaders) == ["1.heic", "3/scan.jpg", "7.png", "notes.txt"]
    assert "2 hidden files are left out" in caplog.text
    assert loaders["7.png"]().size == (20, 10)
    for name in ("1.heic", "notes.txt"):
        with pytest.raises(ImageError, match="no accepted format"):
            loaders[name]()


def test_a_file_that_disappears_is_one_line(folder):
    loaders = ImageFolderDataset(filepath=str(folder)).load()
    (folder / "7.png").unlink()
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        loaders["7.png"]()


def test_the_default_folder_may_be_missing_or_empty(tmp_path):
    assert ImageFolderDataset(filepath=str(tmp_path / "missing")).load() == {}
    assert not ImageFolderDataset(filepath=str(tmp_path)).exists()
    ImageFolderDataset(filepath=str(tmp_path)).check()


def test_a_folder_that_the_user_named_must_hold_files(tmp_path):
    for path, found in ((tmp_path, "holds no file"), (tmp_path / "x", "does not exist")):
        dataset = ImageFolderDataset(filepath="unused", given=str(path))
        with pytest.raises(ConfigurationError, match=f"{found}, expected a folder of images"):
            dataset.check()
        with pytest.raises(DatasetError, match=found):
            dataset.load()


def test_a_folder_named_by_a_digit_keeps_its_name_in_the_paths(folder, monkeypatch):
    classes = ["1", "3"]
    dataset = ImageFolderDataset(filepath="", given=str(folder / "3"), classes=classes)
    assert list(dataset.load()) == ["3/scan.jpg"]
    without = ImageFolderDataset(filepath="", given=str(folder / "3"))
    assert list(without.load()) == ["scan.jpg"]
    monkeypatch.chdir(folder)
    assert list(ImageFolderDataset(filepath="", given=3, classes=classes).load()) == ["3/scan.jpg"]


def test_one_file_may_be_named(folder):
    loaders = ImageFolderDataset(filepath="", given=str(folder / "7.png")).load()
    assert list(loaders) == ["7.png"]


def test_saved_images_replace_the_folder(tmp_path):
    dataset = ImageFolderDataset(filepath=str(tmp_path / "rendered"), generated=True)
    dataset.save({"a-1": image(10), "b-2": image(20)})
    dataset.save({"c-3": image(30)})
    loaders = dataset.load()
    assert list(loaders) == ["c-3.png"]
    np.testing.assert_array_equal(np.asarray(loaders["c-3.png"]()), np.full((10, 20), 30))
    assert [path.name for path in tmp_path.iterdir()] == ["rendered"]


def test_a_saved_folder_without_its_marker_holds_no_images(tmp_path):
    dataset = ImageFolderDataset(filepath=str(tmp_path / "rendered"), generated=True)
    dataset.save({"a-1": image()})
    (tmp_path / "rendered" / ".complete").unlink()
    assert dataset.load() == {}
    assert not dataset.exists()
    dataset.save({"a-1": image()})
    assert list(dataset.load()) == ["a-1.png"]


def test_the_folder_of_a_user_is_never_replaced(folder):
    with pytest.raises(DatasetError, match="holds a user's images"):
        ImageFolderDataset(filepath=str(folder)).save({"a-1": image()})
    assert (folder / "7.png").is_file()
