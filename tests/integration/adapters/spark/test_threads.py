"""TensorFlow keeps to the threads that a slot is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crosscloud_mnist.adapters.spark.launcher import SparkLauncher

pytestmark = [pytest.mark.spark, pytest.mark.process]

COUNT = """
import glob, json, pathlib, sys
import tensorflow as tf
tf.function(lambda: tf.matmul(tf.ones((64, 64)), tf.ones((64, 64))))()
names = [pathlib.Path(path).read_text().strip() for path in glob.glob("/proc/self/task/*/comm")]
print(json.dumps([len(names), names.count("tf_Compute")]))
"""


def threads(intra: int, inter: int) -> tuple[int, int]:
    """Return all threads of a process, and those that run operations side by side."""
    given = {"TF_NUM_INTRAOP_THREADS": str(intra), "TF_NUM_INTEROP_THREADS": str(inter)}
    ended = subprocess.run(
        [sys.executable, "-c", COUNT],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    everything, side_by_side = json.loads(ended.stdout)
    return everything - side_by_side, side_by_side


def test_tensorflow_honours_the_variables_that_a_slot_gets():
    few, many = threads(1, 1), threads(4, 2)
    assert (few[1], many[1]) == (1, 2)
    assert many[0] - few[0] == 3


def train(job):
    import os

    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_ENABLE_ONEDNN_OPTS")
    return {name: os.environ[name] for name in names}


@pytest.mark.parametrize("mode", ["distributed", "custom"])
def test_slots_share_the_cores_of_their_machine_also_on_an_existing_session(job, mode, monkeypatch):
    """As on Databricks: the session is not ours, and has none of our settings but the one."""
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[2]").config("spark.python.worker.reuse", "false")
    session = builder.getOrCreate()
    try:
        launcher = SparkLauncher(master=None, slots=2)
        variables = launcher.launch(train, job, mode, lambda _: None)
    finally:
        session.stop()
    assert variables == {
        "TF_NUM_INTRAOP_THREADS": str(max(1, os.cpu_count() // 2)),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "1",
    }
