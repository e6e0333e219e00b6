"""The flow as a user types it: the shipped conf, one environment at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.processes import clean_environment
from rehearsal.workspace_process import WorkspaceProcess

PROJECT = Path(__file__).parents[1]
_TIMEOUT_SECONDS = 1800
_IMAGES = "images=data/01_raw/images"
# Where the other workspace keeps the secrets of this one: scope and prefix.
_SECRETS = {
    "azure": ("data_masters_azure", "data_masters_train"),
    "gcp": ("data_masters_gcp", "data_masters_deploy"),
}


class FlowError(Exception):
    """A command of the flow failed."""


@dataclass(frozen=True)
class Flow:
    """Commands run in one project against running workspaces.

    Attributes:
        workspaces: The workspaces, by cloud.
        folder: Holds each cloud's storage.
        cache: Holds each cloud's bundle cache, on local disk.
        variables: More environment variables of every command.
        signing_key: Path of the private key, given only to the cloud that trains.
        project: The project's folder.
    """

    workspaces: Mapping[str, WorkspaceProcess]
    folder: Path
    cache: Path
    variables: Mapping[str, str]
    signing_key: str
    project: Path = PROJECT

    def write_secrets(self, cloud: str, other: str) -> None:
        """Write the other workspace's secrets into a scope, by the documented command."""
        scope, prefix = _SECRETS[other]
        remote = self.workspaces[other]
        variables = {
            "REMOTE_HOST": remote.host,
            "REMOTE_TOKEN": remote.token,
            "REMOTE_WORKSPACE_ID": remote.workspace_id,
        }
        module = "crosscloud_mnist.adapters.databricks.secrets"
        arguments = ["--scope", scope, "--prefix", prefix]
        self._run(cloud, ["-m", module, *arguments], variables)

    def kedro(self, pipeline: str, cloud: str, *, params: str = "", **values: str) -> None:
        """Run a pipeline in the environment of a cloud.

        Args:
            pipeline: Its name.
            cloud: ``azure`` or ``gcp``.
            params: What ``--params`` takes.
            values: Environment variables, such as ``MNIST_TARGET``.
        """
        arguments = ["run", "--pipelines", pipeline, "--env", cloud]
        self._run(
            cloud, ["-m", "kedro", *arguments, *(("--params", params) if params else ())], values
        )

    def trained_model(self, cloud: str) -> str:
        """Return the URI that ``train`` printed."""
        return (self.folder / cloud / "06_models" / "model_uri.txt").read_text().strip()

    def _run(self, cloud: str, command: list[str], values: Mapping[str, str]) -> None:
        shown = " ".join(word for word in command if word != "-m")
        settings = " ".join(f"{key}={value}" for key, value in values.items() if "MNIST" in key)
        print(f"\n[{cloud}] {settings} {shown}".replace("]  ", "] "), flush=True)
        process = subprocess.run(
            [sys.executable, *command],
            cwd=self.project,
            env={
                **clean_environment(),
                **self.workspaces[cloud].variables(),
                "MNIST_STORAGE": str(self.folder / cloud),
                "MNIST_CACHE": str(self.cache / cloud),
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **self.variables,
                **values,
            },
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if process.returncode:
            raise FlowError(
                f"{shown} failed with exit status {process.returncode} in workspace {cloud}"
            )


def push(flow: Flow, source: str, target: str, params: str) -> None:
    """Train in the source cloud, push to the target's registry, serve and test it, then pull.

    The shipped conf has azure push and gcp pull; for the reverse, two variables are set.
    """
    shipped = source == "azure"
    scope, prefix = _SECRETS[target]
    own = {} if shipped else {"MNIST_SOURCE": "databricks"}
    other = {} if shipped else {"MNIST_TARGET": f"databricks-uc://{scope}:{prefix}"}
    scope, prefix = _SECRETS[source]
    pulling = (
        {}
        if shipped
        else {
            "MNIST_SOURCE": f"databricks://{scope}:{prefix}",
            "MNIST_TARGET": "databricks-uc",
        }
    )
    flow.kedro("train", source, params=params, MNIST_SIGNING_KEY=flow.signing_key, **own)
    model = f"register_remote.model={flow.trained_model(source)}"
    flow.kedro("register_remote", source, params=model, **own, **other)
    flow.kedro("deploy", target, **pulling)
    flow.kedro("smoke_test", target, params=_IMAGES, **pulling)
    flow.kedro("release", target, params=f"{model},{_IMAGES}", **pulling)
