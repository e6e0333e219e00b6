"""The endpoint's own code needs no /proc: it is shown by an audit of every file that is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

_AUDIT = """
import sys

def audit(event, arguments, log={log!r}):
    if event not in ("open", "os.listdir", "os.scandir") or not str(arguments[0]).startswith("/proc"):
        return
    frame, caller = sys._getframe(1), "none"
    while frame and caller == "none":
        path = frame.f_code.co_filename
        for package in ("psutil", "crosscloud_mnist"):
            if f"/{{package}}/" in path and "/test" not in path:
                caller = package
        frame = frame.f_back
    hook_is_in_use.append(caller)
    with open(log, "a") as file:
        file.write(caller + "\\n")
    if caller == "crosscloud_mnist":
        raise FileNotFoundError(arguments[0])

hook_is_in_use = []
sys.addaudithook(audit)
"""

_LIFE = """
import dataclasses, sys
from pathlib import Path
from crosscloud_mnist.adapters.local import LocalEndpoint, stop
from crosscloud_mnist.ports import ModelVersion
folder, port, digest, bundle = sys.argv[1:]
endpoint = LocalEndpoint(name="mnist_cnn", folder=folder, port=int(port))
for version in ("1", "2"):
    endpoint.deploy(ModelVersion("mnist_cnn", version, digest), Path(bundle))
    print(endpoint.describe().model_version)
print(stop(Path(folder)))
"""


def test_deploy_swap_and_stop_open_nothing_below_proc(endpoint, folder, tiny_bundle, tmp_path):
    """psutil reads /proc on Linux and other sources elsewhere; nothing else may."""
    audit, log = tmp_path / "audit", tmp_path / "opened"
    audit.mkdir()
    (audit / "sitecustomize.py").write_text(_AUDIT.format(log=str(log)))
    port = str(endpoint._settings.port)
    values = [str(folder), port, tiny_bundle.digest, str(tiny_bundle.folder)]
    ended = subprocess.run(
        [sys.executable, "-c", _LIFE, *values],
        env=os.environ | {"PYTHONPATH": str(audit)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["1", "2", "True"]
    callers = set(log.read_text().split())
    assert "crosscloud_mnist" not in callers
    assert callers  # the audit was in force


def test_the_source_names_no_path_below_proc():
    source = Path(__file__).parents[4] / "src" / "crosscloud_mnist"
    named = [path for path in source.rglob("*.py") if "/proc/" in path.read_text()]
    assert named == []
