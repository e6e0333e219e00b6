"""Every shell block of the README and the pages, in order, in a fresh clone.

The clone trains on the UCI digits, for one short epoch, so its gates are wide.
The blocks for two clouds run against two workspaces of the rehearsal.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crosscloud_mnist.adapters.local import stop
from documentation.shell_blocks import read_blocks
from rehearsal.delivery_setup import change_recipe
from rehearsal.workspace_process import WorkspaceProcess

PROJECT = Path(__file__).parents[2]
pytestmark = [pytest.mark.process, pytest.mark.spark, pytest.mark.slow]
BLOCKS = [block for block in read_blocks(PROJECT) if block.is_shell and not block.reason]
CLOUD = [
    ("allow_uci_fallback: false", "allow_uci_fallback: true"),
    ("minimum_accuracy: 0.99", "minimum_accuracy: 0.5"),
]
# What the clone's conf has otherwise: file, and texts to replace.
CHANGES = {
    "base/globals.yml": [
        ("https://", "http://127.0.0.1:9/"),  # no mirror
        ("minimum_accuracy: 0.97", "minimum_accuracy: 0.5"),
    ],
    # The second model need not be as good as the first.
    "base/parameters_register_remote.yml": [("significance: 0.05", "significance: 0.0")],
    "azure/globals.yml": CLOUD,
    "gcp/globals.yml": CLOUD,
}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return ended.stdout


def replace(path: Path, changes: list[tuple[str, str]]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, f"{old} is not in {path}"
        text = text.replace(old, new)
    path.write_text(text)


class Clone:
    """A clone of this project, with this environment as its own, and a shell in it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        git(folder, "clone", "--quiet", str(PROJECT), "clone")
        self.folder, self._state = folder / "clone", folder / "state.sh"
        for name in git(PROJECT, "ls-files", "-mo", "--exclude-standard").splitlines():
            if (PROJECT / name).is_file():  # a change that is not committed yet
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / name, self.folder / name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = str(probe.getsockname()[1])
        replace(self.folder / "conf/base/globals.yml", [("port: 8501", f"port: {self._port}")])
        for name, changes in CHANGES.items():
            replace(self.folder / "conf" / name, changes)
        change_recipe(self.folder / "conf", "compact", epochs=1, steps_per_epoch=60)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "a short training")
        (self.folder / ".venv").symlink_to(sys.prefix)
        (self.folder / ".git/info/exclude").write_text(".venv\n")  # git ignores the folder alone
        for name in ("requirements.lock", "pyproject.toml"):  # older than what was set up
            os.utime(self.folder / name, (0, 0))
        stroke = np.full((120, 80), 240, np.uint8)
        stroke[20:100, 36:44] = 30
        for images in ("my/images", "data/01_raw/images"):
            (self.folder / images).mkdir(parents=True, exist_ok=True)
            Image.fromarray(stroke).save(self.folder / images / "stroke-1.png")
        self._state.touch()
        names = ("MNIST_DIR", "VIRTUAL_ENV", "DATABRICKS_HOST", "DATABRICKS_TOKEN")
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        self._environment = {**inherited, "TF_CPP_MIN_LOG_LEVEL": "2", **variables}

    def run(self, block: str) -> tuple[int, str]:
        """Run a block as the next one of a shell; return its exit status and output."""
        output = self._state.with_suffix(".txt")
        script = 'source "$1"; eval "$2"; export -p > "$1"'
        block = block.replace("127.0.0.1:8501", f"127.0.0.1:{self._port}")
        with output.open("w") as file:
            status = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", script, "bash", str(self._state), block],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=500,
                check=False,
            ).returncode
        return status, output.read_text()


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory):
    """Workspaces of these blocks alone, with what Terraform creates."""
    folder = tmp_path_factory.mktemp("workspaces")
    with ThreadPoolExecutor() as pool:
        starting = {
            name: pool.submit(WorkspaceProcess.start, name, workspace_id, folder / name)
            for name, workspace_id in (("azure", "3333"), ("gcp", "4444"))
        }
    running = [start.result() for start in starting.values() if not start.exception()]
    try:
        for start in starting.values():
            start.result().provision()
        yield {name: start.result() for name, start in starting.items()}
    finally:
        for workspace in running:
            workspace.stop()


@pytest.fixture(scope="module")
def clone(tmp_path_factory, workspaces):
    folder = tmp_path_factory.mktemp("documentation")
    variables = {"MNIST_STORAGE": str(folder / "storage"), "MNIST_CACHE": str(folder / "cache")}
    for name, workspace in workspaces.items():
        prefix = name.upper()
        variables[f"{prefix}_HOST"] = workspace.host
        variables[f"{prefix}_TOKEN"] = workspace.token
        variables[f"{prefix}_WORKSPACE_ID"] = workspace.workspace_id
    clone = Clone(folder, variables)
    yield clone
    stop(clone.folder / "data" / "07_model_output" / "endpoint")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_a_shell_block_of_the_documentation_runs(clone, block):
    status, output = clone.run(block.text)
    assert status == 0, output


def test_the_clone_is_as_clean_as_a_reader_keeps_it(clone):
    """What the blocks write is ignored by git, but for what the reader was told to write."""
    changed = git(clone.folder, "status", "--porcelain").splitlines()
    assert [line for line in changed if line[3:] not in ("my/", "image.json")] == []


def test_the_site_builds_without_a_warning_and_asks_for_nothing_from_the_network(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", PROJECT / "docs", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 60
    external = re.compile(r'(?:src|<link[^>]+href)="(?:https?:)?//[^"]+"')
    assert [page.name for page in pages if external.search(page.read_text())] == []
