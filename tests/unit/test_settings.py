"""The folder of images: a user's own, or the samples that the package brings."""

from __future__ import annotations

from pathlib import Path

import pytest

import crosscloud_mnist
from crosscloud_mnist.settings import CONFIG_LOADER_ARGS

images_folder = CONFIG_LOADER_ARGS["custom_resolvers"]["images_folder"]
SAMPLES = Path(crosscloud_mnist.__file__).parent / "sample_images"


def test_a_folder_with_images_is_used(tmp_path):
    (tmp_path / "own-3.png").touch()
    assert images_folder(str(tmp_path)) == str(tmp_path)


@pytest.mark.parametrize("name", ["missing", "."])
def test_without_images_the_ten_samples_of_the_package_are_used(tmp_path, name):
    (tmp_path / ".gitkeep").touch()
    assert images_folder(str(tmp_path / name)) == SAMPLES.as_posix()
    digits = sorted(path.stem[-1] for path in SAMPLES.glob("*.png"))
    assert digits == list("0123456789")
