"""Staging in the shipped conf: azure, staging, a person's approval, then production in gcp."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from crosscloud_mnist.bundle import Golden, write
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from rehearsal.flow import Flow
from rehearsal.job import JobEnvironment
from rehearsal.staging_flow import promote_staged
from rehearsal.state import find_champions
from rehearsal.volume import Volume
from rehearsal.workspace_process import WorkspaceProcess

pytestmark = [pytest.mark.process, pytest.mark.rehearsal, pytest.mark.slow]


@pytest.fixture(scope="module")
def workspaces(identity_provider, tmp_path_factory):
    """Two workspaces with what Terraform creates."""
    folder = tmp_path_factory.mktemp("workspaces")
    started = {}
    try:
        for name, workspace_id in (("azure", "1111"), ("gcp", "2222")):
            started[name] = WorkspaceProcess.start(
                name, workspace_id, folder / name, issuer=identity_provider.issuer
            )
            started[name].provision()
        yield started
    finally:
        for workspace in started.values():
            workspace.stop()


@pytest.fixture(scope="module")
def logged_model(workspaces, reported_contents, signer, tmp_path_factory):
    """A model that azure has logged, and the shipped conf accepts.

    It keeps the golden image that it is surest of: it was not trained to read the variants in which
    the smoke test sends the others.
    """
    metrics = {**reported_contents.card["metrics"], "test_accuracy": 0.995}
    card = {**reported_contents.card, "metrics": metrics}
    golden = reported_contents.golden
    surest = golden.expected.max(axis=1).argsort()[-1:]
    kept = Golden(golden.images[surest], golden.labels[surest], golden.expected[surest])
    contents = replace(reported_contents, card=card, golden=kept)
    bundle = write(contents, tmp_path_factory.mktemp("model") / "bundle", signer)
    azure = workspaces["azure"]
    registry = IsolatedAdapter(
        "crosscloud_mnist.adapters.databricks.UnityCatalogRegistry",
        {"uri": "databricks", "experiment": "/Shared/crosscloud-mnist"},
        azure.variables(),
    )
    return registry.log_model(
        bundle.folder, run_id=create_run(azure), digest=bundle.digest, tags={}, params={}
    )


def create_run(workspace):
    with httpx.Client(
        base_url=f"{workspace.host}/api/2.0/mlflow",
        headers={"authorization": f"Bearer {workspace.token}"},
        timeout=30,
    ) as http:
        experiment = http.get(
            "/experiments/get-by-name", params={"experiment_name": "/Shared/crosscloud-mnist"}
        ).json()["experiment"]
        run = http.post("/runs/create", json={"experiment_id": experiment["experiment_id"]})
    return run.json()["run"]["info"]["run_id"]


def test_a_version_that_staging_tested_is_released_in_production_once_it_is_approved(
    workspaces, logged_model, identity_provider, package, tmp_path, tmp_path_factory
):
    """As service principals that may do no more than docs/permissions.md says."""
    job = JobEnvironment.create(package, tmp_path_factory.mktemp("job"), has_cluster=False)
    public = str(tmp_path_factory.getbasetemp() / "keys" / "signing.pub")
    flow = Flow(
        workspaces,
        Volume(tmp_path / "storage", None),
        tmp_path / "cache",
        {"MNIST_VERIFYING_KEY": public, "GIT_COMMIT": "ab" * 20},
        signing_key="",
        job=job,
        identity_provider=identity_provider,
    )
    approver, params = "model-approvers", "smoke_test.expect=none"  # the model is a dense layer
    rows = list(promote_staged(flow, logged_model, approver, params))
    assert all(row.is_shown for row in rows), rows
    assert rows[-1].found.endswith(f"approved by {approver}")
    ((_, tags),) = find_champions(workspaces["gcp"]).items()
    assert tags["source_model"] == "models:/data_masters.staging.mnist_cnn/1"
    assert tags["origin_model"] == logged_model
