"""GPUs, as far as a machine without one can show: discovery, Spark's settings, clear errors."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.adapters.spark.session_settings import DISCOVER_GPUS
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.train import train

pytestmark = pytest.mark.spark


def discover(tmp_path, output):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{output}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [DISCOVER_GPUS], env={"PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("output", "addresses"), [("echo 0", ["0"]), ("seq 0 2", ["0", "1", "2"])])
def test_the_script_prints_the_addresses(tmp_path, output, addresses):
    completed = discover(tmp_path, output)
    assert json.loads(completed.stdout) == {"name": "gpu", "addresses": addresses}


def test_the_script_fails_without_a_gpu(tmp_path):
    completed = discover(tmp_path, "echo no devices were found; exit 6")
    assert completed.returncode != 0
    assert completed.stdout == ""
    assert "nvidia-smi finds no GPU on" in completed.stderr


def test_a_local_master_assigns_no_gpus(job):
    launcher = SparkLauncher(master="local[2]", slots=2, use_gpu=True)
    with pytest.raises(ConfigurationError, match="assigns no GPUs to tasks of a local master"):
        launcher.launch(train, job, "distributed", lambda _: None)


def train_on_a_gpu_of_the_driver(job):
    try:
        SparkLauncher(master="local[2]", slots=2, use_gpu=True).launch(
            train, job, "local", lambda _: None
        )
    except ConfigurationError as error:
        return str(error)


def test_a_driver_without_one_is_one_line(job, monkeypatch):
    """In a process of its own: a JVM keeps the settings of the process's first session."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no nvidia-smi of a machine that has one
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        message = process.submit(train_on_a_gpu_of_the_driver, job).result(timeout=120)
    assert "Spark does not start on local" in message
    assert "\n" not in message


def test_an_existing_session_must_assign_gpus():
    with SparkCluster("local[1]", 1).session(on_driver=False):
        gpu_cluster = SparkCluster(None, 1, use_gpu=True)
        with (
            pytest.raises(ConfigurationError, match=r"no spark\.task\.resource\.gpu\.amount"),
            gpu_cluster.session(on_driver=False),
        ):
            pass
