"""Every file below a folder is listed, whatever its name and kind."""

from __future__ import annotations

import os

from crosscloud_mnist.adapters.spark.image_listing import MISSING, ImageFolder


def list_names(folder):
    return {image.path: image for image in ImageFolder(None, folder).list_images()}


def test_names_that_spark_hides_or_cannot_parse_are_listed(tmp_path):
    (tmp_path / "a folder").mkdir()
    names = ["_IMG.jpg", ".x.png", "12:30.png", "a folder/2 [1].png"]
    for name in names:
        (tmp_path / name).write_bytes(b"12345")
    os.utime(tmp_path / ".x.png", ns=(0, 1_234_567_890_123))
    images = list_names(tmp_path)
    assert set(images) == {f"file:{tmp_path / name}" for name in names}
    hidden = images[f"file:{tmp_path / '.x.png'}"]
    assert (hidden.modified, hidden.length) == (1_234_567_000, 5)


def test_one_file_is_its_own_list(tmp_path):
    (tmp_path / "2.png").write_bytes(b"2")
    assert list(list_names(tmp_path / "2.png")) == [f"file:{tmp_path / '2.png'}"]


def test_a_link_to_nowhere_is_listed_and_a_loop_of_links_ends(tmp_path):
    (tmp_path / "2.png").write_bytes(b"2")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path)
    images = list_names(tmp_path)
    assert set(images) == {f"file:{tmp_path / name}" for name in ("2.png", "nowhere.png")}
    assert images[f"file:{tmp_path / 'nowhere.png'}"].length == MISSING
