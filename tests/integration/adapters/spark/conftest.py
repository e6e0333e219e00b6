"""A standalone Spark cluster as processes on loopback, with a Python of its own."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
from rehearsal.package import Package, install_wheel, site_packages
from rehearsal.spark_cluster import StandaloneCluster


@dataclass
class Cluster(StandaloneCluster):
    """A cluster whose processes a test may kill."""

    def launcher(self, **options: Any) -> SparkLauncher:
        conf = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": "512m",
        }
        return SparkLauncher(master=self.url, slots=2, conf=conf, **options)

    def kill_a_busy_daemon(self, *, whole_machine: bool = False) -> None:
        """SIGKILL a worker daemon whose executor trains; or all of its processes with it."""
        session = os.getsid(self.python_workers()[-1])
        (daemon,) = (process for process in self.processes if process.pid == session)
        self.processes.remove(daemon)
        daemon.kill()
        daemon.wait(20)
        if whole_machine:
            for pid in _pids(""):
                if _session(pid) == session:
                    os.kill(pid, signal.SIGKILL)

    def executors(self) -> list[int]:
        """PIDs of the executors' JVMs of this cluster."""
        daemons = {process.pid for process in self.processes}
        return [p for p in _pids("CoarseGrainedExecutorBackend") if _session(p) in daemons]

    def python_workers(self) -> list[int]:
        """PIDs of the Python workers that train: children of pyspark's daemon."""
        daemons = _pids(rf"^{re.escape(str(self.python))} -m pyspark.daemon")
        return [pid for pid in daemons if _parent(pid) in daemons]


def _pids(pattern: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended meanwhile
            if re.search(pattern, command):
                found.append(int(entry.name))
    return found


def _parent(pid: int) -> int:
    return _stat(pid, 1)


def _session(pid: int) -> int:
    return _stat(pid, 3)


def _stat(pid: int, field: int) -> int:
    """A field of proc(5)'s stat, counted from the state; 0 of a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[field])
    except OSError:
        return 0


@pytest.fixture(scope="session")
def executors_python(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that has the libraries, and this package as a wheel alone."""
    folder = tmp_path_factory.mktemp("executors")
    python = install_wheel(package.wheel, folder / "env")
    # The driver runs from the sources, whose version is that of the last make setup; executors of
    # another version are rejected.
    (metadata,) = site_packages(folder / "env").glob("crosscloud_mnist-*.dist-info/METADATA")
    text = re.sub(
        r"(?m)^Version: .*", f"Version: {version('crosscloud-mnist')}", metadata.read_text()
    )
    metadata.write_text(text)
    return python


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, executors_python: Path) -> Iterator[Cluster]:
    """A cluster of two workers with one core each."""
    folder = tmp_path_factory.mktemp("cluster")
    cluster = Cluster(folder, executors_python)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYSPARK_PYTHON", str(executors_python))
        monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
