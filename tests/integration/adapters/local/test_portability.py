"""The endpoint's own code needs no /proc: it is shown by an audit of every file that is opened."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

_AUDIT = """
import re, sys

def audit(event, arguments):
    if event not in ("open", "os.listdir", "os.scandir"):
        return
    path = str(arguments[0])
    if not path.startswith("/proc"):
        return
    frame, package = sys._getframe(1), None
    while frame and package is None:
        package = re.search(r"(?:site-packages|src)/(\\w+)", frame.f_code.co_filename)
        frame = frame.f_back
    with open({log!r}, "a") as file:
        print(package and package[1], path, file=file)

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
    opened = [line.split(maxsplit=1) for line in log.read_text().splitlines()]
    assert [path for package, path in opened if package == "crosscloud_mnist"] == []
    assert "psutil" in {package for package, _ in opened}  # the audit was in force
