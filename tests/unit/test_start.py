"""What a command imports before it runs a pipeline: nothing that takes long and is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# As ``kedro`` starts in this project, without the command lines of its plugins.
COMMAND_LINE = """
import sys
from pathlib import Path
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
import crosscloud_mnist.cli
from crosscloud_mnist.hooks.parameters import check_parameters
from kedro.framework.project import pipelines
assert pipelines["history"].nodes
"""
WORKSPACE_PROCESS = """
import sys
import crosscloud_mnist.isolation.worker
from crosscloud_mnist.adapters.mlflow import MlflowRegistry
MlflowRegistry(uri="sqlite:///none.db", experiment="none")
"""
SLOW = {
    *("IPython", "matplotlib", "mlflow", "model_signing", "onnxruntime", "pandas", "pyarrow"),
    *("pyspark", "scipy", "sklearn", "sqlalchemy", "tensorflow"),
}
OF_A_NODES_TYPE = {"pandas", "pyarrow"}  # which kedro-mlflow imports, too


@pytest.mark.parametrize(
    ("start", "allowed"),
    [(COMMAND_LINE, OF_A_NODES_TYPE), (WORKSPACE_PROCESS, set())],
    ids=["command line", "process of a workspace"],
)
def test_libraries_that_take_long_are_not_imported_at_the_start(start, allowed):
    code = f"{start}\nprint(*({SLOW} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert set(found.stdout.split()) <= allowed


def test_history_runs_without_the_plugin_that_opens_the_tracking_store():
    code = """
from kedro.framework.project import settings
from crosscloud_mnist.hooks.tracking_plugin import disable_tracking_plugin
disable_tracking_plugin()
print(*settings.DISABLE_HOOKS_FOR_PLUGINS)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert "kedro-mlflow" in found.stdout
