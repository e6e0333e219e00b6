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


@pytest.mark.parametrize(
    "start", [COMMAND_LINE, WORKSPACE_PROCESS], ids=["command line", "process of a workspace"]
)
def test_libraries_that_take_long_are_not_imported_at_the_start(start):
    code = f"{start}\nprint(*({SLOW} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == []


def test_history_runs_without_the_plugin_that_opens_the_tracking_store():
    code = """
import sys
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from crosscloud_mnist.hooks.tracking_plugin import disable_tracking_plugin
bootstrap_project(Path.cwd())
disable_tracking_plugin()
KedroSession.create()
print(*{"kedro_mlflow", "mlflow"} & set(sys.modules))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == []
