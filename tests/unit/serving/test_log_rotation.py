"""The endpoint's log: private, below a size, and no obstacle on a full disk."""

from __future__ import annotations

import shutil
import stat

import pytest

from crosscloud_mnist.serving.log_rotation import open_log, rotate_in_place


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_large_log_moves_aside_and_its_writer_goes_on(tmp_path):
    log = tmp_path / "endpoint.log"
    with open_log(log) as writer:
        writer.write(b"a" * 100)
        rotate_in_place(log, max_bytes=100)
        assert log.read_bytes() == b"a" * 100
        for content in (b"b", b"c", b"d"):
            writer.write(content * 101)
            rotate_in_place(log, max_bytes=100)
        writer.write(b"e")
    assert log.read_bytes() == b"e"
    assert (tmp_path / "endpoint.log.1").read_bytes() == b"d" * 101
    assert {path.name for path in tmp_path.iterdir()} == {"endpoint.log", "endpoint.log.1"}
    assert mode(log) == mode(tmp_path / "endpoint.log.1") == 0o600


def test_a_full_disk_empties_the_log(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    log = tmp_path / "endpoint.log"
    with open_log(log) as writer:
        writer.write(b"a" * 101)
        rotate_in_place(log, max_bytes=100)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [(log.name, 0)]


@pytest.mark.parametrize("name", ["absent.log", "folder"])
def test_a_log_that_is_not_there_is_no_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    rotate_in_place(tmp_path / name, max_bytes=0)
    assert not (tmp_path / "absent.log.1").exists()
