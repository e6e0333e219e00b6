"""``make wheel`` gives the same bytes for the same commit, wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

PROJECT = Path(__file__).parents[2]


def run(*command: str, folder: Path, umask: int = 0o022) -> None:
    subprocess.run(command, cwd=folder, umask=umask, check=True, capture_output=True)


def build(folder: Path, umask: int) -> Path:
    tools = f"BIN={Path(sys.executable).parent}"
    run("make", "--old-file=setup", tools, "wheel", folder=folder, umask=umask)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The wheel of two checkouts of one commit.

    The files of the second one are older, one is left over, and its build has another umask.
    """
    folder = tmp_path_factory.mktemp("checkouts")
    first, second = folder / "first", folder / "second"
    shutil.copytree(PROJECT / "src", first / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(PROJECT / name, first)
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    run("git", "init", "--quiet", folder=first)
    run("git", "add", ".", folder=first)
    run("git", *identity, "commit", "--quiet", "--message", "first", folder=first)
    run("git", "clone", "--quiet", str(first), str(second), folder=folder)
    for path in (second / "src").rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    left_over = second / "build" / "lib" / "crosscloud_mnist" / "deleted.py"
    left_over.parent.mkdir(parents=True)
    left_over.write_text("x = 1\n")
    return build(first, umask=0o022), build(second, umask=0o077)


def test_the_wheel_of_a_commit_is_the_same_in_every_checkout(wheels):
    first, second = wheels
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_the_package_and_nothing_that_was_deleted(wheels):
    _, wheel = wheels
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "crosscloud_mnist/bundle/requirements.py" in names
    assert "crosscloud_mnist/deleted.py" not in names
