"""Folders of images by class become labelled images, or one line that says what is wrong."""

from __future__ import annotations

import pytest
from PIL import Image

from crosscloud_mnist.datasets.labelled_folder import LabelledFolderDataset
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.storage import idx

CONTRACT = {
    "image_shape": [8, 10, 3],
    "image_content": "a colour",
    "classes": ["red", "blue"],
    "preprocessing": "resize",
}
COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for name, colour in COLOURS.items():
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (40, 30), colour)
                image.save(tmp_path / split / name / f"{number}.png")
    (tmp_path / "train" / ".DS_Store").write_bytes(b"\0")
    return tmp_path


def load(folder):
    return LabelledFolderDataset(folder=str(folder), name="colours", contract=CONTRACT).load()


def test_images_are_preprocessed_and_labelled_by_their_folder(folder):
    raw = load(folder)
    assert raw.dataset == "colours"
    images = idx.decode(raw.files["train-images-idx3-ubyte"], "images")
    labels = idx.decode(raw.files["train-labels-idx1-ubyte"], "labels")
    assert images.shape == (6, 8, 10, 3)
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images[0, 0, 0].tolist() == [255, 0, 0]
    assert idx.decode(raw.files["t10k-labels-idx1-ubyte"], "labels").tolist() == [0, 0, 1, 1]
    assert load(folder).files == raw.files  # and so the digest of the data set


def test_the_files_are_found_without_opening_them(folder):
    (folder / "train" / "red" / "notes.txt").write_text("of red things")
    dataset = LabelledFolderDataset(folder=str(folder), name="colours", contract=CONTRACT)
    found = f"colours in {folder}: 7 files in train, 4 files in test, of 2 classes"
    assert dataset.find_source() == found


def test_a_folder_that_is_no_class_is_named(folder, raises_cause):
    (folder / "test" / "green").mkdir()
    with raises_cause(DataError, "test holds green, expected a folder for each class .* .red"):
        load(folder)


def test_a_class_without_images_is_named(folder, raises_cause):
    for path in (folder / "test" / "blue").iterdir():
        path.unlink()
    with raises_cause(DataError, "test/blue holds no images, expected some of every class"):
        load(folder)


def test_a_file_that_is_no_image_is_named(folder, raises_cause):
    (folder / "train" / "red" / "notes.txt").write_text("of red things")
    with raises_cause(DataError, r"train/red/notes.txt cannot be opened"):
        load(folder)
