"""A job's environment: an installed wheel, a conf archive, an empty folder and no project."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rehearsal.package import Package, install_wheel
from rehearsal.processes import clean_environment
from rehearsal.spark_cluster import StandaloneCluster

_WHEEL_TASK = Path(__file__).with_name("wheel_task.py")
_BUNDLE = Path(__file__).parents[1] / "infra" / "bundle"
_TIMEOUT_SECONDS = 1800


@dataclass(frozen=True)
class Session:
    """The Spark session of a task.

    Attributes:
        is_on_cluster: Whether it is on the cluster, where there is one.
        tables: Folders of Parquet files, by the names of the tables that they are.
    """

    is_on_cluster: bool = False
    tables: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class JobEnvironment:
    """Where the tasks of the jobs run.

    Attributes:
        package: The wheel and the conf archive.
        python: Python of the environment that has the wheel.
        folder: Holds a working directory for each workspace.
        cluster: The Spark cluster of the tasks that train; ``None``: there is none.
    """

    package: Package
    python: Path
    folder: Path
    cluster: StandaloneCluster | None

    @classmethod
    def create(
        cls,
        package: Package,
        folder: Path,
        *,
        has_cluster: bool,
        cluster_variables: Mapping[str, str] | None = None,
    ) -> Self:
        """Install the wheel, and start the cluster.

        Args:
            package: The wheel and the conf archive.
            folder: For the files; outside this project.
            has_cluster: Whether there is a cluster.
            cluster_variables: Environment variables of the executors.

        Raises:
            RuntimeError: The cluster does not start.
            subprocess.CalledProcessError: The wheel cannot be installed.
        """
        python = install_wheel(package.wheel, folder / "environment")
        cluster = None
        if has_cluster:
            cluster = StandaloneCluster(folder / "spark", python, variables=cluster_variables or {})
            try:
                cluster.start()
            except BaseException:
                cluster.stop()
                raise
        return cls(package, python, folder / "working_directories", cluster)

    def stop(self) -> None:
        """End the cluster."""
        if self.cluster:
            self.cluster.stop()

    def working_directory(self, workspace: str) -> Path:
        """Return the working directory of the tasks in a workspace; it is empty at first."""
        path = self.folder / workspace
        path.mkdir(parents=True, exist_ok=True)
        return path

    def run_task(
        self,
        workspace: str,
        parameters: Sequence[str],
        variables: Mapping[str, str],
        *,
        session: Session = Session(),
    ) -> int:
        """Run the wheel's entry point as a task; return its exit status.

        Args:
            workspace: Whose job it is.
            parameters: What the task's ``sys.argv`` holds.
            variables: Environment variables of the cluster.
            session: The Spark session that exists before the task starts.
        """
        settings: dict[str, str] = {}
        if session.is_on_cluster and self.cluster:
            settings = {**self.cluster.session_settings(), **_bundle_settings()}
        elif session.tables:  # as the bundle has it for these tasks: a single node
            settings = {"spark.master": "local[1]", "spark.ui.enabled": "false"}
        return self._run(
            workspace,
            [
                *("-P", str(_WHEEL_TASK), "--spark", json.dumps(settings)),
                *(
                    "--tables",
                    json.dumps({name: str(path) for name, path in session.tables.items()}),
                ),
                *("--log", str(self.folder.parent / f"spark-{workspace}.log")),
                *("crosscloud_mnist", "crosscloud-mnist", *parameters),
            ],
            variables,
        )

    def run_module(
        self, workspace: str, module: str, arguments: Sequence[str], variables: Mapping[str, str]
    ) -> int:
        """Run a module of the wheel as a command; return its exit status."""
        return self._run(workspace, ["-m", module, *arguments], variables)

    def _run(self, workspace: str, command: list[str], variables: Mapping[str, str]) -> int:
        return subprocess.run(
            [self.python, *command],
            cwd=self.working_directory(workspace),
            env={
                **clean_environment(),
                "PYSPARK_PYTHON": str(self.python),
                "SPARK_LOCAL_IP": "127.0.0.1",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        ).returncode


def _bundle_settings() -> dict[str, str]:
    """Return the Spark settings that the Databricks bundle gives to the clusters that train."""
    if str(_BUNDLE) not in sys.path:
        sys.path.append(str(_BUNDLE))
    from jobs.task import SPARK_CONF

    return SPARK_CONF
