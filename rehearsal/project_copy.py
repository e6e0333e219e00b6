"""A copy of this project with its own data and port, and the commands that are run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil
from mlflow import MlflowClient

from crosscloud_mnist.adapters.local import stop
from rehearsal.processes import clean_environment, free_port

_PROJECT = Path(__file__).parents[1]
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class ProjectCopy:
    """One copy; the data set is the UCI digits, as no mirror of MNIST is reached.

    Attributes:
        folder: The project's folder.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Copy the sources and the configuration, without data and keys."""
        own = shutil.ignore_patterns("local")
        shutil.copytree(_PROJECT / "conf", folder / "conf", ignore=own)
        cached = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_PROJECT / "src", folder / "src", ignore=cached)
        (folder / "conf" / "local").mkdir()
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(_PROJECT / name, folder)
        path = folder / "conf" / "base" / "globals.yml"
        text = path.read_text().replace("https://", "http://127.0.0.1:9/")
        path.write_text(text.replace("port: 8501", f"port: {free_port()}"))
        return cls(folder.resolve())

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a Kedro command in its own process group."""
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=self.folder,
            env={**clean_environment(), "TF_CPP_MIN_LOG_LEVEL": "2", "PWD": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a Kedro command; return its exit status and its output."""
        with self.start(*arguments) as process:
            try:
                output, _ = process.communicate(timeout=_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, output

    def client(self, workspace: str) -> MlflowClient:
        """Return a client of the store of ``sandbox`` or ``production``."""
        uri = f"sqlite:///{self.data}/workspaces/{workspace}/mlflow.db"
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def stop_endpoint(self) -> None:
        """End the project's endpoint, if it runs."""
        stop(self.data / "07_model_output" / "endpoint")

    def root_processes(self) -> list[psutil.Process]:
        """Return the processes of this project that no other one of its processes started."""
        found = {}
        for process in psutil.process_iter(["pid", "ppid", "cwd", "cmdline", "status"]):
            words = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
            is_zombie = process.info["status"] == psutil.STATUS_ZOMBIE
            is_own = any(str(self.folder) in word for word in words)
            if is_own and not is_zombie and process.pid != os.getpid():
                found[process.pid] = process
        return [each for each in found.values() if each.info["ppid"] not in found]
