"""Several sessions in one process, as in a notebook: each has its own MLflow run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NOTEBOOK = """
from pathlib import Path

import mlflow
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import SequentialRunner

bootstrap_project(Path.cwd())


class InterruptedRunner(SequentialRunner):
    def run(self, *arguments, **options):
        raise KeyboardInterrupt


def run(runner):
    with KedroSession.create() as session:
        session.run(pipeline_names=["train"], node_names=["decode", "split"], runner=runner)


for runner in (SequentialRunner(), InterruptedRunner(), SequentialRunner()):
    try:
        run(runner)
    except KeyboardInterrupt:
        pass
assert mlflow.active_run() is None
runs = mlflow.search_runs(experiment_names=["crosscloud-mnist"], output_format="list")
print("statuses", *(each.info.status for each in reversed(runs)))
with mlflow.start_run() as own:
    run(SequentialRunner())
    print("own run", own.info.run_id == mlflow.active_run().info.run_id)
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf" / "local").mkdir()
    shutil.copytree(PROJECT / "src", folder / "src")
    shutil.copy(PROJECT / "pyproject.toml", folder)
    path = folder / "conf/base/globals.yml"
    path.write_text(path.read_text().replace("https://", "http://127.0.0.1:9/"))  # no mirror
    ended = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()


def test_each_session_has_its_own_run_also_after_an_interruption(output):
    assert "statuses FINISHED KILLED FINISHED" in output


def test_a_run_that_the_caller_opened_is_used_and_left_open(output):
    assert "own run True" in output
