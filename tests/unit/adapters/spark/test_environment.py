"""Why Spark does not start here, in one line with what was found, expected and next."""

from __future__ import annotations

import pyspark
import pytest

from crosscloud_mnist.adapters.spark.environment import check_environment, explain_failed_start
from crosscloud_mnist.errors import ConfigurationError


def failed_check():
    with pytest.raises(ConfigurationError) as raised:
        check_environment()
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_java_home_that_does_not_exist_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    message = failed_check()
    assert "nowhere, which has no bin/java, expected the folder of Java 17 or later" in message


def test_a_machine_without_java_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no java is on PATH, expected Java 17 or later" in failed_check()


def test_a_spark_home_without_spark_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    message = failed_check()
    assert f"SPARK_HOME is {tmp_path}, which has no bin/spark-submit" in message
    assert f"expected Spark {pyspark.__version__}; unset SPARK_HOME" in message


def test_a_spark_home_of_another_version_is_named(monkeypatch, tmp_path):
    for name in ("bin/spark-submit", "jars/spark-core_2.12-3.5.1.jar"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert "which holds Spark 3.5, expected 4." in failed_check()


def test_the_spark_of_the_package_passes(monkeypatch):
    monkeypatch.setenv("SPARK_HOME", pyspark.__path__[0])
    check_environment()


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "Error: LinkageError occurred while loading main class org.apache.spark.launcher.Main\n"
            "\tjava.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main has been "
            "compiled by a more recent version of the Java Runtime\n",
            "is too old for Spark, expected Java 17 or later",
        ),
        (
            "Exception in thread main java.lang.OutOfMemoryError: heap\n\tat x.y.Z\n",
            r"\(Exception in thread main java.lang.OutOfMemoryError: heap\), expected a JVM",
        ),
        ("", r"\(no message\), expected a JVM"),
    ],
)
def test_a_jvm_that_does_not_start_is_one_line(stderr, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        raise explain_failed_start(stderr)
    assert "\n" not in str(raised.value)
