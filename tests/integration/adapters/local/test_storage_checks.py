"""``doctor`` on the storage: from this process, and from one like a workspace's."""

from __future__ import annotations

import os

import pytest

from crosscloud_mnist.adapters.local.storage_checks import StorageChecks
from crosscloud_mnist.ports import Check
from rehearsal.volume import mounted

pytestmark = pytest.mark.process


def check(storage, earlier=()):
    return {check.name: check for check in StorageChecks(storage=str(storage)).check(earlier)}


def statuses(storage, earlier=()):
    found = check(storage, earlier).values()
    return [each.status for each in found if "optional" not in each.name]


def test_a_folder_passes_from_both_processes(tmp_path):
    assert statuses(tmp_path) == ["passed", "passed"]
    assert list(tmp_path.iterdir()) == []


def test_a_volume_passes_and_its_limits_are_information(tmp_path):
    with mounted(tmp_path / "files") as volume:
        if volume.enforcement != "fuse":
            pytest.fail("without FUSE other processes do not have the limits")
        found = check(volume.path)
    assert {each.status for each in found.values()} == {"passed", "information"}
    for place in ("driver", "workspace's process"):
        optional = found[f"{place}, optional"].found
        for operation in ("rename a folder", "backward write (zip)", "append", "hard link"):
            assert f"{operation}: E" in optional, optional


def test_a_storage_that_is_no_folder_fails_one_row(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert statuses(tmp_path / "file" / "storage") == ["failed", "waiting"]


def test_a_storage_that_only_this_process_sees_fails_one_row(tmp_path):
    descriptor = os.open(tmp_path, os.O_DIRECTORY)
    try:
        found = check(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    assert [name for name, each in found.items() if each.status == "failed"] == [
        "workspace's process"
    ]
    assert "see the driver's file" in found["workspace's process"].found


def test_without_its_volume_the_storage_is_not_checked(tmp_path):
    missing = Check("this workspace", "volume data_masters.train.mnist", "failed", "none")
    assert set(statuses(tmp_path, [missing])) == {"waiting"}
