"""A session that is created here prints nothing about itself, and what matters still shows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.spark, pytest.mark.process]

SESSION = """
import sys
from crosscloud_mnist.adapters.spark.session import SparkCluster

def import_tensorflow(rows):
    import os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"  # as a training task has it
    import tensorflow as tf
    tf.config.list_physical_devices()
    sys.stderr.write("a warning of the task\\n")  # at once: Spark's workers do not buffer it
    yield len(list(rows))

with SparkCluster("local[2]", 2, conf=dict(arg.split("=") for arg in sys.argv[1:])).session(
    on_driver=False
) as session:
    numbers = session.sparkContext.parallelize(range(2), 2)
    print(sum(numbers.mapPartitions(import_tensorflow).collect()))
    log = session.sparkContext._jvm.org.apache.log4j.LogManager.getLogger("own")
    log.info("an info of Spark")
    log.warn("a warning of Spark")
    log.error("an error of Spark")
    # What it logs of a task that is cancelled as it ends.
    context = session.sparkContext._jvm.org.apache.log4j.LogManager.getLogger(
        "org.apache.spark.TaskContextImpl"
    )
    context.error("Error in TaskCompletionListener")
    try:
        numbers.map(lambda number: 1 / 0).collect()
    except Exception as error:
        print(type(error).__name__)
"""

LAUNCH = """
from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.training.config import TrainingConfig
from crosscloud_mnist.training.job import TrainingJob
import sys, tempfile

def train(job):
    import os, sys
    import tensorflow as tf
    tf.config.list_physical_devices()
    sys.stderr.write("a warning of training\\n")  # at once: Spark's workers do not buffer it
    return os.environ["CUDA_VISIBLE_DEVICES"]

with tempfile.TemporaryDirectory() as folder:
    config = TrainingConfig(
        model="baseline", optimizer="adam", learning_rate=0.1, schedule="constant", epochs=1,
        steps_per_epoch=1, global_batch_size=8, precision="float32", augment=False, seed=0,
    )
    contract = Contract((28, 28), "a digit", tuple(range(10)), "digit")
    job = TrainingJob(config, contract, train=(), validation=(), checkpoint_dir=folder)
    launcher = SparkLauncher(master="local[2]", slots=2)
    print(repr(launcher.launch(train, job, sys.argv[1], lambda _: None)))
"""

EXPORT = """
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.training import export

try:
    export.rebuild("compact", Contract((28, 28), "a digit", tuple(range(10)), "digit"), [])
except ValueError:
    print("wrong number of weights")
"""


def run(code, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    completed = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return completed.stdout.splitlines(), completed.stderr.splitlines()


def test_only_real_messages_show():
    stdout, stderr = run(SESSION)
    assert stdout == ["2", "PythonException"]
    assert stderr[:2] == ["a warning of the task"] * 2
    (error,) = stderr[2:]
    assert error.endswith("ERROR own: an error of Spark")


def test_the_log_level_of_the_user_holds():
    _, stderr = run(SESSION, "spark.log.level=WARN")
    assert any(line.endswith("WARN own: a warning of Spark") for line in stderr)
    assert not any("an info of Spark" in line for line in stderr)


def test_the_log4j_configuration_of_the_user_holds(tmp_path):
    (tmp_path / "log4j2.properties").write_text(
        "rootLogger.level = error\n"
        "rootLogger.appenderRef.stdout.ref = console\n"
        "appender.console.type = Console\n"
        "appender.console.name = console\n"
        "appender.console.layout.type = PatternLayout\n"
        "appender.console.layout.pattern = own layout: %m%n\n"
        "logger.own.name = own\n"
        "logger.own.level = info\n"
    )
    stdout, _ = run(SESSION, SPARK_CONF_DIR=str(tmp_path))
    assert "own layout: an info of Spark" in stdout


@pytest.mark.parametrize(
    ("mode", "gpus", "slots"), [("single", "-1", 1), ("local", "", 1), ("distributed", "", 2)]
)
def test_training_hides_gpus_and_prints_its_own_lines_only(mode, gpus, slots):
    stdout, stderr = run(LAUNCH, mode)
    assert stdout == [repr(gpus)]
    assert stderr == ["a warning of training"] * slots


def test_the_driver_exports_a_model_quietly():
    assert run(EXPORT) == (["wrong number of weights"], [])
