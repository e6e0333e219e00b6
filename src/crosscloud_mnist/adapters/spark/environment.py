"""Why Spark does not start here: PySpark, JAVA_HOME, SPARK_HOME or the version of Java."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from pathlib import Path

from crosscloud_mnist.errors import ConfigurationError

_MIN_JAVA = 17  # Spark 4
_INSTALL_JAVA = f"install Java {_MIN_JAVA} or later (openjdk-{_MIN_JAVA}-jre-headless), and set"
_MAX_REASON_CHARACTERS = 300


def check_pyspark() -> None:
    """Check that PySpark can be imported.

    Raises:
        ConfigurationError: It is not installed.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise ConfigurationError(
            "pyspark is not installed, expected it where no cluster provides it; install "
            "crosscloud-mnist[local]"
        )


def check_environment() -> None:
    """Check what can be checked without starting a process.

    Raises:
        ConfigurationError: There is no Java, or ``SPARK_HOME`` is not the installed PySpark's.
    """
    _check_java_home()
    _check_spark_home()


def explain_failed_start(stderr: str) -> ConfigurationError:
    """Return why the JVM did not start, out of what it wrote to standard error."""
    java = _java()
    if "UnsupportedClassVersionError" in stderr or "Unrecognized option" in stderr:
        return ConfigurationError(
            f"{java} is too old for Spark, expected Java {_MIN_JAVA} or later; {_INSTALL_JAVA} "
            "JAVA_HOME to it"
        )
    lines = [line.strip() for line in stderr.splitlines() if line.strip()] or ["no message"]
    reason = next((line for line in lines if re.search(r"rror|xception", line)), lines[-1])
    return ConfigurationError(
        f"Spark does not start with {java} ({reason[:_MAX_REASON_CHARACTERS]}), "
        "expected a JVM; check JAVA_HOME, SPARK_HOME and the Spark settings"
    )


def _java() -> str:
    java_home = os.environ.get("JAVA_HOME")
    return str(Path(java_home) / "bin" / "java") if java_home else shutil.which("java") or "java"


def _check_java_home() -> None:
    if os.environ.get("JAVA_HOME"):
        if not shutil.which(_java()):
            raise ConfigurationError(
                f"JAVA_HOME is {os.environ['JAVA_HOME']}, which has no bin/java, expected the "
                f"folder of Java {_MIN_JAVA} or later; correct JAVA_HOME, or unset it to use the "
                "java on PATH"
            )
    elif not shutil.which("java"):
        raise ConfigurationError(
            f"no java is on PATH, expected Java {_MIN_JAVA} or later, which Spark needs; "
            f"{_INSTALL_JAVA} JAVA_HOME or PATH"
        )


def _check_spark_home() -> None:
    import pyspark

    spark_home = os.environ.get("SPARK_HOME")
    if not spark_home:
        return
    advice = "unset SPARK_HOME to use the Spark of the pyspark package"
    if not (Path(spark_home) / "bin" / "spark-submit").is_file():
        raise ConfigurationError(
            f"SPARK_HOME is {spark_home}, which has no bin/spark-submit, expected Spark "
            f"{pyspark.__version__}; {advice}"
        )
    jars = [path.stem for path in (Path(spark_home) / "jars").glob("spark-core_*.jar")]
    found = {match[1] for jar in jars if (match := re.search(r"_[\d.]+-(\d+\.\d+)", jar))}
    expected = ".".join(pyspark.__version__.split(".")[:2])
    if found and found != {expected}:
        raise ConfigurationError(
            f"SPARK_HOME is {spark_home}, which holds Spark {', '.join(sorted(found))}, expected "
            f"{expected} as the pyspark package; {advice}"
        )
