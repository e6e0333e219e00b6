"""Starts the driver's JVM: its startup messages are left out, and a failed start is explained."""

from __future__ import annotations

import atexit
import os
import re
import select
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from crosscloud_mnist.adapters.spark.environment import check_environment, explain_failed_start
from crosscloud_mnist.training.tensorflow_startup import is_startup_line

_LOG4J = Path(__file__).with_name("log4j2.properties")
_JVM_OPTIONS = "spark.driver.extraJavaOptions"
_SILENCE_SECONDS, _MAX_DRAIN_SECONDS = 0.2, 2.0
_BANNER_LINE = re.compile(rb"WARNING: Using incubator modules: jdk\.incubator\.vector")


def start_driver_jvm(settings: Mapping[str, str], *, use_gpu: bool) -> None:
    """Start the JVM of this process's Spark driver, where it has none yet.

    Args:
        settings: Spark settings that take effect only at the start of the JVM, such as its memory.
        use_gpu: Whether to show what TensorFlow says about a GPU that it does not find.

    Raises:
        ConfigurationError: The JVM does not start: ``JAVA_HOME``, ``SPARK_HOME`` or Java itself.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    # PySpark has no public call for it: one JVM serves all contexts of a process, and on a cluster
    # Spark has started it.
    if SparkContext._gateway is not None or "PYSPARK_GATEWAY_PORT" in os.environ:
        return
    check_environment()
    conf = SparkConf(loadDefaults=False).setAll(list(_with_log4j(settings).items()))
    stderr = _StderrFilter(drop_startup_lines=not use_gpu)
    stderr.start()
    before = _find_child_processes()
    try:
        gateway = launch_gateway(  # type: ignore[no-untyped-call]
            conf, popen_kwargs={"stderr": stderr.write_fd}
        )
    except (PySparkRuntimeError, OSError) as error:
        raise explain_failed_start(stderr.close(forward=False)) from error
    except BaseException:
        # Interrupted, PySpark removes the folder by which the JVM would be reached, and leaves the
        # JVM: it would never end.
        for process in _find_child_processes() - before:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        stderr.close(forward=False)
        raise
    stderr.close(forward=True)
    atexit.register(stderr.drain)
    SparkContext._ensure_initialized(gateway=gateway)


def _find_child_processes() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _with_log4j(settings: Mapping[str, str]) -> dict[str, str]:
    """Add this package's log4j configuration, unless the user has one."""
    options = settings.get(_JVM_OPTIONS, "")
    if "SPARK_CONF_DIR" in os.environ or "log4j" in options or _spark_home_has_log4j():
        return dict(settings)
    return {**settings, _JVM_OPTIONS: f"-Dlog4j2.configurationFile={_LOG4J.as_uri()} {options}"}


def _spark_home_has_log4j() -> bool:
    from pyspark.find_spark_home import _find_spark_home

    return (Path(_find_spark_home()) / "conf" / "log4j2.properties").is_file()


class _StderrFilter(threading.Thread):
    """Forwards the JVM's standard error line by line, except for known lines about itself.

    What Spark's Python workers write comes through the JVM, too. Lines are held back until
    the JVM has started.
    """

    def __init__(self, *, drop_startup_lines: bool) -> None:
        super().__init__(name="spark-stderr", daemon=True)
        read_fd, self.write_fd = os.pipe()
        self._pipe = os.fdopen(read_fd, "rb")
        self._drop_startup_lines = drop_startup_lines
        self._lock = threading.Lock()
        self._held: list[bytes] | None = []

    def run(self) -> None:
        """Read until the JVM ends; a reader that stopped would block the JVM."""
        for line in self._pipe:
            if _BANNER_LINE.match(line) or (self._drop_startup_lines and is_startup_line(line)):
                continue
            with self._lock:
                if self._held is not None:
                    self._held.append(line)
                else:
                    _write(line)

    def close(self, *, forward: bool) -> str:
        """Close this process's end of the pipe; return the lines so far.

        Args:
            forward: The JVM has started: show the lines so far, and each one that follows.
        """
        os.close(self.write_fd)
        if not forward:
            self.join(1)  # the JVM has ended: read its last lines
        with self._lock:
            held, self._held = b"".join(self._held or ()), None if forward else []
            if forward:
                _write(held)
        return held.decode(errors="replace")

    def drain(self) -> None:
        """Wait, at the end of this process, until the JVM has been silent for a moment."""
        deadline = time.monotonic() + _MAX_DRAIN_SECONDS
        while time.monotonic() < deadline and self._has_more():
            time.sleep(_SILENCE_SECONDS / 10)

    def _has_more(self) -> bool:
        return bool(select.select([self._pipe], [], [], _SILENCE_SECONDS)[0]) and self.is_alive()


def _write(content: bytes) -> None:
    try:
        sys.__stderr__.buffer.write(content)  # type: ignore[union-attr]
        sys.__stderr__.flush()  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # standard error is closed
        pass
