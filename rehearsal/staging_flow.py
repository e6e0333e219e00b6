"""Staging as jobs run it: azure, staging, a person's approval, then production in gcp.

Staging is a schema of production's metastore with its own model, experiments, volume and endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
from databricks.sdk.core import Config

from rehearsal.evidence import Row
from rehearsal.flow import Flow, FlowError
from rehearsal.state import find_champions
from rehearsal.workspace_process import WorkspaceProcess

APPROVAL_TAG = "approved_by"
_MODEL = "data_masters.staging.mnist_cnn"


def promote_staged(flow: Flow, model: str, approver: str, params: str = "") -> Iterator[Row]:
    """Release a logged model of azure in staging, and the tested version in production.

    Production rejects the version until it has the tag of the approval.

    Args:
        flow: The flow; azure has logged the model.
        model: Its URI.
        approver: The group that approves.
        params: More of what ``--params`` takes.

    Yields:
        What was shown.

    Raises:
        FlowError: A release failed that should not.
    """
    production = flow.workspaces["gcp"]
    staged = replace(flow, workspaces={**flow.workspaces, "staging": production})
    flow.write_secrets("gcp", "azure", "reads")
    before = list(find_champions(production))
    more = f",{params}" if params else ""
    staged.kedro("release", "staging", params=f"register_remote.model={model}{more}")
    ((version, tags),) = find_champions(production, _MODEL).items()
    released = {
        "params": f"register_remote.model=models:/{_MODEL}/{version}{more}",
        "MNIST_SOURCE": "databricks-uc",
        "MNIST_APPROVAL_TAG": APPROVAL_TAG,
    }
    yield Row(
        "staging released the model, and production did not change",
        f"version {version} of {_MODEL}",
        list(find_champions(production)) == before,
    )
    message = _release_without_approval(flow, released)
    yield Row(
        "production rejected the version that nobody had approved",
        message or "it was released",
        bool(message)
        and _find_approvals(flow) == [None]
        and list(find_champions(production)) == before,
    )
    status = approve(production, "releases", version, approver).status_code
    yield Row(
        "the identity that released in staging owns the model, and may not approve",
        f"HTTP {status}",
        status == httpx.codes.FORBIDDEN,
    )
    approve(production, "approves", version, approver).raise_for_status()
    flow.kedro("release", "gcp", **released)
    ((promoted, promoted_tags),) = find_champions(production).items()
    approvals = _find_approvals(flow)
    yield Row(
        "production released the approved version of staging",
        f"version {promoted}, approved by {', '.join(map(str, approvals))}",
        promoted_tags["bundle_digest"] == tags["bundle_digest"] and approvals == [approver],
    )


def approve(
    workspace: WorkspaceProcess, principal: str, version: str, approver: str
) -> httpx.Response:
    """Ask for the tag of the approval on a version of staging; return the response.

    Args:
        workspace: The workspace whose metastore has the version.
        principal: Which service principal asks, such as ``approves``.
        version: The number of the version.
        approver: The value of the tag.
    """
    identity = workspace.principals[principal]
    config = Config(
        host=workspace.host,
        client_id=identity.client_id,
        client_secret=identity.secret,
        auth_type="oauth-m2m",
    )
    return httpx.post(
        f"{workspace.host}/api/2.0/mlflow/unity-catalog/model-versions/set-tag",
        json={"name": _MODEL, "version": version, "key": APPROVAL_TAG, "value": approver},
        headers=config.authenticate(),
        timeout=30,
    )


def _find_approvals(flow: Flow) -> list[str | None]:
    """Return who approved, as the gates of production's last release say."""
    gates = json.loads((flow.storage("gcp") / "08_reporting" / "promotion_gates.json").read_text())
    return [gate["figure"] for gate in gates if gate["gate"] == "approval"]


def _release_without_approval(flow: Flow, released: dict[str, str]) -> str:
    """Return why the release failed; empty where it did not."""
    try:
        flow.kedro("release", "gcp", **released)
    except FlowError as error:
        return str(error)
    return ""
