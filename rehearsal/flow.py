"""The flow as a user types it: the shipped conf, one environment at a time, values in variables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.processes import clean_environment
from rehearsal.workspace_process import WorkspaceProcess

PROJECT = Path(__file__).parents[1]
_SECONDS = 1800
_PICTURES = "images=data/01_raw/images"
_NAMES = {"azure": ("data_masters_azure", "data_masters_train")}
_NAMES["gcp"] = ("data_masters_gcp", "data_masters_deploy")


class FlowError(Exception):
    """A command of the flow failed."""


@dataclass(frozen=True)
class Flow:
    """Commands run in one project against running workspaces.

    Attributes:
        clouds: The workspaces, by name.
        folder: Where each cloud's storage is.
        variables: More environment variables of every command.
        signing_key: Path of the private key, which only the cloud that trains is given.
        project: The project's folder.
    """

    clouds: Mapping[str, WorkspaceProcess]
    folder: Path
    variables: Mapping[str, str]
    signing_key: str
    project: Path = PROJECT

    def secrets(self, keeper: str, other: str) -> None:
        """Write the secrets of one workspace into a scope of another: the documented command."""
        scope, prefix = _NAMES[other]
        remote = self.clouds[other]
        given = {
            "REMOTE_HOST": remote.host,
            "REMOTE_TOKEN": remote.token,
            "REMOTE_WORKSPACE_ID": remote.workspace_id,
        }
        module = "crosscloud_mnist.adapters.databricks.secrets"
        arguments = ["--scope", scope, "--prefix", prefix]
        self._run(keeper, ["-m", module, *arguments], given)

    def kedro(self, pipeline: str, cloud: str, *, params: str = "", **values: str) -> None:
        """Run a pipeline in the environment of a cloud.

        Args:
            pipeline: Its name.
            cloud: ``azure`` or ``gcp``.
            params: What ``--params`` takes.
            values: Environment variables, such as ``MNIST_TARGET``.
        """
        arguments = ["run", "--pipeline", pipeline, "--env", cloud]
        self._run(
            cloud, ["-m", "kedro", *arguments, *(("--params", params) if params else ())], values
        )

    def trained(self, cloud: str) -> str:
        """Return the URI that ``train`` printed."""
        return (self.folder / cloud / "06_models" / "model_uri.txt").read_text().strip()

    def _run(self, cloud: str, command: list[str], values: Mapping[str, str]) -> None:
        shown = " ".join(word for word in command if word != "-m")
        told = " ".join(f"{key}={value}" for key, value in values.items() if "MNIST" in key)
        print(f"\n[{cloud}] {told} {shown}".replace("]  ", "] "), flush=True)
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=self.project,
            env={
                **clean_environment(),
                **self.clouds[cloud].variables(),
                "MNIST_STORAGE": str(self.folder / cloud),
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **self.variables,
                **values,
            },
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
        if ended.returncode:
            raise FlowError(f"{shown} --- ended with {ended.returncode}, in workspace {cloud}")


def push(flow: Flow, here: str, there: str, params: str) -> None:
    """Train in one cloud, push to the other's registry, serve and prove it there, then pull.

    What the conf ships is azure pushing and gcp pulling; swapped, two values say so.
    """
    shipped = here == "azure"
    scope, prefix = _NAMES[there]
    own = {} if shipped else {"MNIST_SOURCE": "databricks"}
    other = {} if shipped else {"MNIST_TARGET": f"databricks-uc://{scope}:{prefix}"}
    scope, prefix = _NAMES[here]
    pulling = (
        {}
        if shipped
        else {
            "MNIST_SOURCE": f"databricks://{scope}:{prefix}",
            "MNIST_TARGET": "databricks-uc",
        }
    )
    flow.kedro("train", here, params=params, MNIST_SIGNING_KEY=flow.signing_key, **own)
    model = f"register_remote.model={flow.trained(here)}"
    flow.kedro("register_remote", here, params=model, **own, **other)
    flow.kedro("deploy", there, **pulling)
    flow.kedro("smoke_test", there, params=_PICTURES, **pulling)
    flow.kedro("release", there, params=f"{model},{_PICTURES}", **pulling)
