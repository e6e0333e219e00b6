"""A project of its own for every module: a copy of the sources, the conf and a data folder."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

from crosscloud_mnist.adapters.local import stop

PROJECT = Path(__file__).parents[2]


class Project:
    """A copy of the project with data of its own, and the commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
        (folder / "conf" / "local").mkdir()
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(PROJECT / name, folder)
        shutil.copytree(PROJECT / "src", folder / "src")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._replace("port: 8501", f"port: {probe.getsockname()[1]}")
        self._replace("https://", "http://127.0.0.1:9/")  # no mirror: the UCI digits
        self._replace("sampling_fraction: 0.0", "sampling_fraction: 1.0")

    def _replace(self, old: str, new: str) -> None:
        path = self.folder / "conf" / "base" / "globals.yml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("MNIST_DIR",)}
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.folder,
            env={**environment, "TF_CPP_MIN_LOG_LEVEL": "2", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kedro(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **variables) as process:
            try:
                output, errors = process.communicate(timeout=600)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def run(self, pipeline: str, *arguments: str) -> str:
        ended = self.kedro("run", "--pipelines", pipeline, *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def report(self, name: str) -> dict:
        return json.loads((self.data / name).read_text())

    def client(self, workspace: str) -> MlflowClient:
        uri = f"sqlite:///{self.data}/workspaces/{workspace}/mlflow.db"
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def runs(self, workspace: str) -> list[Run]:
        client = self.client(workspace)
        experiments = [each.experiment_id for each in client.search_experiments()]
        return list(client.search_runs(experiments))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    images = project.data / "01_raw" / "images"
    images.mkdir(parents=True)
    ink = np.full((120, 80), 240, np.uint8)
    ink[20:100, 36:44] = 30
    Image.fromarray(ink).save(images / "stroke-1.png")
    yield project
    stop(project.data / "07_model_output" / "endpoint")
