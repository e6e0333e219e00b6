"""TensorFlow keeps to the threads that a slot is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from crosscloud_mnist.adapters.spark.session import SparkCluster

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


def test_slots_of_one_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    with SparkCluster("local[2]", 2).session(on_driver=True) as spark:
        settings = dict(spark.sparkContext.getConf().getAll())
    assert settings["spark.executorEnv.TF_NUM_INTRAOP_THREADS"] == "4"
    assert settings["spark.executorEnv.TF_NUM_INTEROP_THREADS"] == "1"
    assert settings["spark.executorEnv.TF_ENABLE_ONEDNN_OPTS"] == "1"
