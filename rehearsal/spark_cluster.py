"""A standalone Spark cluster on loopback: a master and workers, each ended by its PID."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

from rehearsal.processes import free_port

_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass
class StandaloneCluster:
    """Master and workers.

    Attributes:
        folder: Holds the logs and the workers' folders.
        python: Python of the executors.
        worker_memory: Memory that each worker offers.
        variables: More environment variables of the workers and their executors.
        url: Address of the master, once it runs.
        processes: What was started.
    """

    folder: Path
    python: Path
    worker_memory: str = "1g"
    variables: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, workers: int = 2) -> None:
        """Start the master and workers of one core each.

        Raises:
            RuntimeError: A worker did not register with the master.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        port = str(free_port())
        self.url = f"spark://127.0.0.1:{port}"
        self._start_daemon("master.Master", "--port", port, "--webui-port", "0")
        for _ in range(workers):
            self.add_worker()

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start one more worker; options are those of its JVM."""
        number = len(self.processes)
        worker = self._start_daemon(
            *("worker.Worker", self.url, "--cores", "1", "--memory", self.worker_memory),
            *("--webui-port", "0", "--work-dir", str(self.folder / f"work-{number}")),
            SPARK_WORKER_OPTS=" ".join(options),
        )
        log = self.folder / f"{number}.log"
        deadline = time.monotonic() + _START_SECONDS
        while "Successfully registered with master" not in log.read_text():
            if time.monotonic() > deadline or worker.poll() is not None:
                raise RuntimeError(
                    f"a Spark worker did not register within {_START_SECONDS} s; see {log}"
                )
            time.sleep(0.2)
        return worker

    def session_settings(self) -> dict[str, str]:
        """Return the settings of a session on this cluster that keeps to loopback."""
        return {
            "spark.master": self.url,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": "512m",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }

    def stop(self) -> None:
        """End every process that was started, the last one first."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def _start_daemon(
        self, main_class: str, *arguments: str, **variables: str
    ) -> subprocess.Popen[bytes]:
        spark = Path(pyspark.__file__).parent
        environment = {
            **os.environ,
            "SPARK_HOME": str(spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_NO_DAEMONIZE": "1",
            "PYSPARK_PYTHON": str(self.python),
            **self.variables,
            **variables,
        }
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    str(spark / "bin" / "spark-class"),
                    f"org.apache.spark.deploy.{main_class}",
                    *arguments,
                    *("--host", "127.0.0.1"),
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process
