"""The rehearsal's storage rejects what a Unity Catalog volume rejects, and takes what one takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.volume import Volume, enforcements, has_fuse, mounted

pytestmark = pytest.mark.process

OPERATIONS = Path(__file__).with_name("volume_operations.py")
NO_SEQUENCE = {"append", "append to a new file", "update", "write backwards", "write with a gap"}
REJECTED = {
    **dict.fromkeys([*NO_SEQUENCE, "write a zip file", "shorten"], "ENOTSUP"),
    **dict.fromkeys(["rename a folder", "symbolic link", "flock", "fcntl lock"], "ENOSYS"),
    **dict.fromkeys(["change the mode", "set the time", "copy with times"], "EPERM"),
    "map to write": "ENODEV",
}
ACCEPTED = {
    *("write", "write again", "write text", "write and read", "create", "touch", "map to read"),
    *("copy the content", "read from any place", "list", "remove a folder"),
}


def run_operations(volume: Volume) -> dict[str, str]:
    ended = subprocess.run(
        [sys.executable, str(OPERATIONS), str(volume.path)],
        env={**os.environ, **volume.variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module", params=enforcements())
def outcomes(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("volume")
    with mounted(folder, enforcement=request.param) as volume:
        return run_operations(volume)


@pytest.mark.parametrize("operation", sorted(REJECTED))
def test_a_volume_rejects(outcomes, operation):
    assert outcomes[operation] == REJECTED[operation]


@pytest.mark.parametrize("operation", sorted(ACCEPTED))
def test_a_volume_accepts(outcomes, operation):
    assert outcomes[operation] == "accepted"


def test_every_operation_is_judged(outcomes):
    others = {"rename a file", "hard link"}
    assert set(outcomes) == {*REJECTED, *ACCEPTED, *others}
    assert outcomes["rename a file"] == "ENOSYS"
    assert outcomes["hard link"] in ("ENOSYS", "EPERM")  # by the kernel


@pytest.mark.parametrize("enforcement", enforcements())
def test_files_can_be_renamed_where_that_is_allowed_but_folders_cannot(tmp_path, enforcement):
    with mounted(tmp_path, enforcement=enforcement, renames_files=True) as volume:
        outcomes = run_operations(volume)
    assert outcomes["rename a file"] == "accepted"
    assert outcomes["rename a folder"] == "ENOSYS"


def test_the_files_stay_in_the_folder_and_the_mountpoint_goes(tmp_path):
    with mounted(tmp_path) as volume:
        (volume.path / "file").write_bytes(b"content")
        assert volume.enforcement in volume.describe().lower()
    assert (tmp_path / "file").read_bytes() == b"content"
    assert volume.path == tmp_path or not volume.path.exists()


@pytest.fixture
def no_fuse(monkeypatch):
    """A machine without the FUSE library."""
    monkeypatch.setenv("FUSE_LIBRARY_PATH", "/absent/libfuse3.so")
    has_fuse.cache_clear()
    yield
    has_fuse.cache_clear()


@pytest.mark.usefixtures("no_fuse")
def test_where_there_is_no_fuse_python_enforces_the_limits_and_says_so(tmp_path):
    assert enforcements() == ("python",)
    with mounted(tmp_path) as volume:
        assert volume.describe().endswith("for Python's file functions: there is no FUSE")
        assert run_operations(volume)["write a zip file"] == "ENOTSUP"


@pytest.mark.usefixtures("no_fuse")
def test_fuse_that_is_demanded_and_does_not_work_is_one_line(tmp_path):
    with (
        pytest.raises(
            RuntimeError, match=r"could be mounted \(.*libfuse3.so.*\), expected"
        ) as raised,
        mounted(tmp_path, enforcement="fuse"),
    ):
        pass
    assert "\n" not in str(raised.value)


def test_a_volume_is_unmounted_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), mounted(tmp_path) as volume:
        _ = 1 / 0
    assert volume.path == tmp_path or not volume.path.exists()
