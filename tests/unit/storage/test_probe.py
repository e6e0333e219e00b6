"""The probe of a storage folder: what works there, and nothing left behind."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.storage.probe import (
    check_required,
    describe_optional,
    probe,
    shared_file,
)


def run(folder):
    with shared_file(str(folder)) as shared:
        return probe(shared)


def refuse(monkeypatch, name):
    def fail(*arguments, **options):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(Path, name, fail)


def test_on_a_local_disk_everything_works_and_nothing_is_left(tmp_path):
    results = run(tmp_path)
    assert not any(results.values())
    assert check_required(str(tmp_path), results)
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_is_refused_is_no_failure(tmp_path, monkeypatch):
    refuse(monkeypatch, "replace")
    results = run(tmp_path)
    assert results["rename a file"] == "ENOSYS (Function not implemented)"
    assert check_required(str(tmp_path), results)
    assert "rename a file: ENOSYS" in describe_optional(results)
    assert "rename a folder: yes" in describe_optional(results)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    refuse(monkeypatch, "iterdir")
    with pytest.raises(ConfigurationError, match=r"list fails with ENOSYS .*, expected .*; check"):
        check_required("storage", run(tmp_path))


def test_bytes_that_change_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda path: b"other")
    with pytest.raises(ConfigurationError, match="read fails with EIO"):
        check_required("storage", run(tmp_path))


def test_a_storage_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written to .*, expected a folder"):
        run(tmp_path / "file" / "storage")


def test_a_file_that_another_process_does_not_see_is_named(tmp_path):
    results = probe(str(tmp_path / "written-elsewhere.txt"))
    with pytest.raises(ConfigurationError, match="see the driver's file fails with ENOENT"):
        check_required("storage", results)
