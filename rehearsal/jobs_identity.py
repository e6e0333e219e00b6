"""The identities that the jobs of a rehearsal run as, and how they sign in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rehearsal.grants import subject_of
from rehearsal.identity_provider import IdentityProvider
from rehearsal.workspace_process import WorkspaceProcess

# Which service principal of ``docs/permissions.md`` runs a pipeline.
_PRINCIPALS = {
    "train": "trains",
    "register_remote": "promotes",
    "rollback": "promotes",
    "history": "promotes",
    "deploy": "serves",
    "smoke_test": "serves",
    "batch_score": "serves",
    "monitor": "serves",
}
_ELSE = "releases"  # promotes and serves
_REMOTE = "promotes"  # what a job is in the other workspace


class JobIdentities(Protocol):
    """How the jobs sign in."""

    def variables(self, workspace: WorkspaceProcess, pipeline: str) -> dict[str, str]:
        """Return the environment variables with which a job reaches its own workspace."""

    def remote_secrets(self, workspace: WorkspaceProcess) -> dict[str, str]:
        """Return the variables of ``crosscloud-mnist-secrets`` for reaching another workspace."""


class PersonalTokens:
    """Every job has the administrator's personal access token."""

    def variables(self, workspace: WorkspaceProcess, pipeline: str) -> dict[str, str]:  # noqa: ARG002
        """See ``JobIdentities``."""
        return workspace.variables()

    def remote_secrets(self, workspace: WorkspaceProcess) -> dict[str, str]:
        """See ``JobIdentities``."""
        return {**_address_of(workspace), "REMOTE_TOKEN": workspace.token}


@dataclass(frozen=True)
class FederatedIdentities:
    """Every job is a job of GitHub Actions, and its service principal has only its grants.

    No secret exists: the scopes hold the id of a service principal that trusts the job.

    Attributes:
        provider: Signs the ID tokens of the jobs.
    """

    provider: IdentityProvider

    def variables(self, workspace: WorkspaceProcess, pipeline: str) -> dict[str, str]:
        """See ``JobIdentities``."""
        name = _PRINCIPALS.get(pipeline, _ELSE)
        return {
            **workspace.federated(name),
            **self.provider.github_variables(subject_of(name)),
        }

    def remote_secrets(self, workspace: WorkspaceProcess) -> dict[str, str]:
        """See ``JobIdentities``."""
        return {
            **_address_of(workspace),
            "REMOTE_CLIENT_ID": workspace.principals[_REMOTE].client_id,
        }


def _address_of(workspace: WorkspaceProcess) -> Mapping[str, str]:
    return {"REMOTE_HOST": workspace.host, "REMOTE_WORKSPACE_ID": workspace.workspace_id}
