"""What the command line says where the tracking server lets nobody in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_a_wrong_password_is_one_line(servers, tmp_path):
    shutil.copytree(PROJECT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf" / "local").mkdir()
    shutil.copytree(PROJECT / "src", tmp_path / "src")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    (tmp_path / "data").mkdir()
    path = tmp_path / "conf/base/globals.yml"
    lines = path.read_text().splitlines(keepends=True)
    (at,) = [number for number, line in enumerate(lines) if line.startswith("tracking_uri:")]
    lines[at] = f"tracking_uri: {servers[0].address}\n"
    path.write_text("".join(lines))
    wrong = {**servers[0].credentials, "MLFLOW_TRACKING_PASSWORD": "not-the-password"}
    ended = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipeline", "train"],
        cwd=tmp_path,
        env={**os.environ, **wrong},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "MLflow answered: " in " ".join(ended.stderr.split())
    assert "credentials" in ended.stderr
    assert "Traceback" not in said
    assert wrong["MLFLOW_TRACKING_PASSWORD"] not in said
    assert servers[0].credentials["MLFLOW_TRACKING_PASSWORD"] not in said
