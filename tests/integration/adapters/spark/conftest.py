"""A standalone Spark cluster as processes on loopback, with a Python of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyspark
import pytest

from crosscloud_mnist.adapters.spark.launcher import SparkLauncher

PROJECT = Path(__file__).parents[4]
_SECONDS = 60


@dataclass
class Cluster:
    """Master and workers; every process is ended by its PID."""

    folder: Path
    python: Path
    url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, workers: int = 2) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.url = f"spark://127.0.0.1:{port}"
        self._daemon("master.Master", "--port", port, "--webui-port", "0")
        for _ in range(workers):
            self.add_worker()

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start one more worker; options are those of its JVM."""
        number = len(self.processes)
        worker = self._daemon(
            *("worker.Worker", self.url, "--cores", "1", "--memory", "1g", "--webui-port", "0"),
            *("--work-dir", str(self.folder / f"work-{number}")),
            SPARK_WORKER_OPTS=" ".join(options),
        )
        log = self.folder / f"{number}.log"
        until = time.monotonic() + _SECONDS
        while "Successfully registered with master" not in log.read_text():
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        return worker

    def _daemon(self, what: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        spark = Path(pyspark.__file__).parent
        environment = {
            **os.environ,
            "SPARK_HOME": str(spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_NO_DAEMONIZE": "1",
            "PYSPARK_PYTHON": str(self.python),
            **variables,
        }
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(str(spark / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}"),
                    *(*arguments, "--host", "127.0.0.1"),
                ],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

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

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


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
def executors_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that has the libraries, and this package as a wheel alone."""
    folder = tmp_path_factory.mktemp("executors")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder / "dist", PROJECT],
        check=True,
    )
    venv.create(folder / "env", with_pip=False, symlinks=True)
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    # A path in a .pth file brings the libraries there, but not that folder's own .pth files: the
    # editable install of this package is not among them.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", site, wheel], check=True)
    return folder / "env" / "bin" / "python"


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
