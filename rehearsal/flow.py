"""The flow as jobs run it: the shipped conf, one environment at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.identity_provider import IdentityProvider
from rehearsal.inference_table import table_folder
from rehearsal.job import JobEnvironment, Session
from rehearsal.production_traffic import send_test_images
from rehearsal.volume import Volume
from rehearsal.workspace_process import WorkspaceProcess

PROJECT = Path(__file__).parents[1]
_SECRETS_MODULE = "crosscloud_mnist.adapters.databricks.secrets"
_ON_CLUSTER = ("train", "doctor")  # the pipelines whose tasks find a session there
# The service principals that run the pipelines: docs/permissions.md. The others run with a token.
ROLES = {
    "train": "trains",
    "register_remote": "promotes",
    "deploy": "serves",
    "smoke_test": "serves",
    "monitor": "serves",
    "release": "releases",
}
_INFERENCE_TABLE = "data_masters.deploy.mnist_cnn_payload"
# Where the other workspace keeps the secrets of this one: scope and prefix.
_SECRETS = {
    "azure": ("data_masters_azure", "data_masters_train"),
    "gcp": ("data_masters_gcp", "data_masters_deploy"),
}


class FlowError(Exception):
    """A command of the flow failed."""


@dataclass(frozen=True)
class Flow:
    """Tasks of one job environment, run against running workspaces.

    Attributes:
        workspaces: The workspaces, by cloud.
        volume: Holds each cloud's storage, in a folder of its name.
        cache: Holds each cloud's bundle cache, on local disk.
        variables: More environment variables of every task.
        signing_key: Path of the private key, given only to the cloud that trains.
        job: The environment of the tasks.
        identity_provider: Whose ID tokens the jobs sign in with; ``None``: each has a token.
    """

    workspaces: Mapping[str, WorkspaceProcess]
    volume: Volume
    cache: Path
    variables: Mapping[str, str]
    signing_key: str
    job: JobEnvironment
    identity_provider: IdentityProvider | None = None

    def write_secrets(self, cloud: str, other: str, role: str | None = None) -> None:
        """Write the other workspace's secrets into a scope, by the documented command.

        Args:
            cloud: Whose scope it is.
            other: Whose secrets they are.
            role: The service principal there that trusts the ID tokens of this cloud's jobs, so
                that the scope holds no secret; without one, and without federation, a token.
        """
        scope, prefix = _SECRETS[other]
        remote = self.workspaces[other]
        variables = {"REMOTE_HOST": remote.host, "REMOTE_WORKSPACE_ID": remote.workspace_id}
        if self.identity_provider and role:
            variables["REMOTE_CLIENT_ID"] = remote.principals[role].client_id
        else:
            variables["REMOTE_TOKEN"] = remote.token
        arguments = ["--scope", scope, "--prefix", prefix]
        self._print(cloud, f"{_SECRETS_MODULE} {' '.join(arguments)}")
        variables |= self.workspaces[cloud].variables()
        status = self.job.run_module(cloud, _SECRETS_MODULE, arguments, variables)
        self._check(cloud, _SECRETS_MODULE, status)

    def kedro(self, pipeline: str, cloud: str, *, params: str = "", **values: str) -> None:
        """Run a pipeline as a task in the environment of a cloud.

        Args:
            pipeline: Its name.
            cloud: ``azure`` or ``gcp``.
            params: What ``--params`` takes.
            values: Environment variables, such as ``MNIST_TARGET``.
        """
        parameters = {
            "pipelines": pipeline,
            "env": cloud,
            "conf-source": str(self.job.package.conf),
            **({"params": params} if params else {}),
        }
        settings = " ".join(f"{key}={value}" for key, value in values.items() if "MNIST" in key)
        shown = f"crosscloud-mnist --pipelines {pipeline} --env {cloud}"
        self._print(cloud, f"{settings} {shown}{f' --params {params}' if params else ''}".lstrip())
        status = self.job.run_task(
            cloud,
            [f"--{name}={value}" for name, value in parameters.items()],
            {**self._variables(cloud, pipeline), **values},
            session=self._session(pipeline, cloud),
        )
        self._check(cloud, shown, status)

    def storage(self, cloud: str) -> Path:
        """Return the folder of a cloud's storage."""
        return self.volume.path / cloud

    def trained_model(self, cloud: str) -> str:
        """Return the URI that ``train`` printed."""
        return (self.storage(cloud) / "06_models" / "model_uri.txt").read_text().strip()

    def _session(self, pipeline: str, cloud: str) -> Session:
        if pipeline != "monitor":
            return Session(is_on_cluster=pipeline in _ON_CLUSTER)
        folder = table_folder(self.workspaces[cloud].folder, _INFERENCE_TABLE)
        return Session(tables={_INFERENCE_TABLE: folder})

    def _variables(self, cloud: str, pipeline: str) -> dict[str, str]:
        return {
            **self._sign_in(self.workspaces[cloud], ROLES.get(pipeline)),
            "MNIST_STORAGE": str(self.storage(cloud)),
            "MNIST_CACHE": str(self.cache / cloud),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **self.variables,
        }

    def _sign_in(self, workspace: WorkspaceProcess, role: str | None) -> dict[str, str]:
        """Return the variables of a CI job that the role's principal trusts, or of a token."""
        if self.identity_provider is None or role is None:
            return workspace.variables()
        subject = workspace.principals[role].subject
        return {**workspace.federated(role), **self.identity_provider.github_variables(subject)}

    def _print(self, cloud: str, command: str) -> None:
        print(f"\n[{cloud}] {command}", flush=True)

    def _check(self, cloud: str, command: str, status: int) -> None:
        if status:
            raise FlowError(f"{command} failed with exit status {status} in workspace {cloud}")


def push(flow: Flow, source: str, target: str, params: str) -> None:
    """Train in the source cloud, push to the target's registry, serve and test it, then pull.

    At the end the endpoint predicts test images, and what it logged is monitored.

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
    flow.write_secrets(source, target, "promotes")
    flow.write_secrets(target, source, "releases")
    flow.kedro("train", source, params=params, MNIST_SIGNING_KEY=flow.signing_key, **own)
    model = f"register_remote.model={flow.trained_model(source)}"
    flow.kedro("register_remote", source, params=model, **own, **other)
    flow.kedro("deploy", target, **pulling)
    flow.kedro("smoke_test", target, **pulling)
    flow.kedro("release", target, params=model, **pulling)
    count = send_test_images(flow.workspaces[target], flow.storage(source))
    print(f"\n[{target}] {count} test images were predicted", flush=True)
    flow.kedro("monitor", target, **pulling)
