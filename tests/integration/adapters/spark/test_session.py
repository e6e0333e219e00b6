"""Which session is used, what it leaves behind, and what is rejected before it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from crosscloud_mnist.adapters.spark.cancel_on_signal import cancel_on_signal
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError

pytestmark = [pytest.mark.spark, pytest.mark.process]

RUN = """
from crosscloud_mnist.adapters.spark.job_errors import translate_job_errors
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError
try:
    with SparkCluster("local[1]", 1).session(on_driver=False) as session, translate_job_errors():
        session.sparkContext.parallelize(range(2), 1).map(abs).collect()
except ConfigurationError as error:
    print(error)
"""
JAVA_11 = """#!/bin/sh
echo "Error: LinkageError occurred while loading main class org.apache.spark.launcher.Main" >&2
echo "\tjava.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main (class file version \
61.0), this version of the Java Runtime only recognizes class file versions up to 55.0" >&2
exit 1
"""


@pytest.fixture
def session():
    with SparkCluster("local[2]", 2).session(on_driver=False) as session:
        yield session


def run(**variables):
    completed = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert completed.stderr == ""
    (line,) = completed.stdout.splitlines()
    return line


def test_a_java_that_is_too_old_is_one_line(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(JAVA_11)
    java.chmod(0o755)
    message = run(JAVA_HOME=str(tmp_path))
    assert message.startswith(f"{java} is too old for Spark, expected Java 17 or later; install")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("JAVA_HOME", "JAVA_HOME is /nowhere, which has no bin/java, expected the folder of Java"),
        ("SPARK_HOME", "SPARK_HOME is /nowhere, which has no bin/spark-submit, expected Spark"),
        ("PYSPARK_PYTHON", "the executors cannot start /nowhere, expected a Python; correct"),
    ],
)
def test_a_path_that_does_not_exist_is_one_line(variable, message):
    assert run(**{variable: "/nowhere"}).startswith(message)


def test_an_existing_session_serves_other_threads_and_stays_open(session):
    used = []

    def use():
        with SparkCluster(None, 2).session(on_driver=False) as shared:
            used.append(shared.sparkContext.parallelize(range(3)).sum())

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert used == [3]
    assert session.sparkContext.parallelize(range(3)).sum() == 3


def test_a_session_leaves_the_signal_handler_as_it_was():
    before = signal.getsignal(signal.SIGINT)
    with SparkCluster("local[1]", 1).session(on_driver=False):
        assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_cancels_only_the_jobs_of_this_training(session):
    spark = session.sparkContext
    others = []

    def run_other_job():
        others.append(spark.parallelize(range(1), 1).map(lambda _: time.sleep(12) or 7).collect())

    other = threading.Thread(target=run_other_job)
    other.start()
    spark.setJobGroup("own group", "of the user")
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    timer = threading.Timer(4, lambda: signal.raise_signal(signal.SIGTERM))
    timer.start()
    with pytest.raises(KeyboardInterrupt), cancel_on_signal(spark), translate_job_errors():
        spark.parallelize(range(1), 1).map(lambda _: time.sleep(60)).collect()
    other.join(60)
    assert others == [[7]]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert spark.getLocalProperty("spark.jobGroup.id") == "own group"
    assert not spark.getJobTags()


@pytest.mark.parametrize(
    "name", ["spark.python.worker.reuse", "spark.dynamicAllocation.enabled", "spark.ssl.enabled"]
)
def test_a_setting_that_training_cannot_run_with_is_named(job, name):
    existing = SparkCluster("local[2]", 2, conf={name: "true"})
    with (
        existing.session(on_driver=False),
        pytest.raises(ConfigurationError, match=f"has {name}=true, expected false: "),
    ):
        SparkLauncher(master=None, slots=2).launch(id, job, "distributed", lambda _: None)


def test_spark_connect_is_rejected_by_name(monkeypatch):
    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")
    with (
        pytest.raises(ConfigurationError, match=r"one of Spark Connect .* Dedicated access mode"),
        SparkCluster(None, 2).session(on_driver=False),
    ):
        pass


_MANAGED_DRIVER = """
from crosscloud_mnist.adapters.spark.session import SparkCluster

with SparkCluster(None, 1).session(on_driver=False) as session:
    pass
assert session.sparkContext.parallelize(range(3)).sum() == 3
"""


def test_a_driver_that_databricks_manages_gives_its_session_and_keeps_it():
    """In a process of its own: the JVM of this one keeps the master of an earlier test."""
    ended = subprocess.run(
        [sys.executable, "-c", _MANAGED_DRIVER],
        env={**os.environ, "DATABRICKS_RUNTIME_VERSION": "18.0", "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
