"""Each service principal can do what docs/permissions.md says that its role needs, and no more."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all
from crosscloud_mnist.ports import LedgerEntry
from rehearsal.grants import PRINCIPALS
from rehearsal.workspace_process import WorkspaceProcess

MODEL = "data_masters.deploy.mnist_cnn"
EXPERIMENT = "/Shared/crosscloud-mnist"
UC = "/api/2.0/mlflow/unity-catalog"
ROLES = [name for name in PRINCIPALS if not name.endswith("_staging")]  # staging's do the same
ARTIFACTS = "/api/2.0/fs/files/WorkspaceInternal/1"
REGISTRY = "crosscloud_mnist.adapters.databricks.UnityCatalogRegistry"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace after ``terraform apply``."""
    started = WorkspaceProcess.start("azure", "1111", tmp_path_factory.mktemp("granted"))
    started.provision()
    yield started
    end_all()
    started.stop()


@pytest.fixture(scope="module")
def open_registry(workspace):
    def open_(role):
        options = {"uri": "databricks-uc", "experiment": EXPERIMENT}
        return IsolatedAdapter(REGISTRY, options, workspace.principal(role))

    return open_


@pytest.fixture(scope="module")
def request_as(workspace):
    """Return a function that sends a request as a service principal; it returns the status."""

    def send(role, method, path, **fields):
        principal = workspace.principals[role]
        issued = httpx.post(
            f"{workspace.host}/oidc/v1/token",
            auth=(principal.client_id, principal.secret),
            data={"grant_type": "client_credentials", "scope": "all-apis"},
        ).json()
        authorization = {"authorization": f"Bearer {issued['access_token']}"}
        url = f"{workspace.host}{path}"
        return httpx.request(method, url, headers=authorization, **fields).status_code

    return send


def new_run(workspace, role):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        client = IsolatedAdapter("test_grants.Runs", {}, workspace.principal(role))
        return client.new_run(EXPERIMENT)


class Runs:
    """Opens a run as kedro-mlflow does; its process imports it from this file."""

    @staticmethod
    def process_config(options, credentials):
        from crosscloud_mnist.adapters.databricks.access import own_process_config

        return own_process_config(options, credentials)

    def new_run(self, experiment):
        from mlflow import MlflowClient

        client = MlflowClient("databricks")
        return client.create_run(
            client.get_experiment_by_name(experiment).experiment_id
        ).info.run_id


@pytest.fixture(scope="module")
def promoted(workspace, open_registry, tiny_bundle):
    """A version that was trained by one identity and promoted by another one."""
    logged = open_registry("trains").log_model(
        tiny_bundle.folder,
        run_id=new_run(workspace, "trains"),
        digest=tiny_bundle.digest,
        tags={},
        params={},
    )
    target = open_registry("promotes")
    assert target.logged_model(logged).digest == tiny_bundle.digest
    version = target.create_version(
        MODEL, tiny_bundle.folder, digest=tiny_bundle.digest, tags={}, description=""
    )
    entry = target.append_entry(
        LedgerEntry("promoted", MODEL, "champion", version.version, version.digest)
    )
    target.set_alias(version, "champion")
    target.complete_entry(entry)
    assert [each.version for each in target.ledger(MODEL)] == [version.version]
    return version


def test_the_identities_that_train_and_promote_have_all_that_they_need(promoted):
    assert promoted.name == MODEL


def test_the_identity_that_serves_reads_the_version_and_moves_no_alias(
    promoted, open_registry, tmp_path
):
    registry = open_registry("serves")
    assert registry.get_version_by_alias(MODEL, "champion") == promoted
    registry.download_version(promoted, tmp_path / "copy")
    with pytest.raises(RegistryError, match="ownership of the registered model"):
        registry.set_alias(promoted, "challenger")


def test_the_identity_that_trains_cannot_promote_what_it_trained(promoted, open_registry):
    with pytest.raises(RegistryError, match="trains-azure does not have"):
        open_registry("trains").set_alias(promoted, "challenger")


def test_approvers_alone_set_the_tag_of_the_approval_whoever_owns_the_model(promoted, request_as):
    tag = {"key": "approved_by", "value": "model-approvers"}
    set_tag = {"name": MODEL, "version": promoted.version, **tag}
    create = {"name": MODEL, "source": "folder", "tags": [tag]}
    assert request_as("promotes", "POST", f"{UC}/model-versions/set-tag", json=set_tag) == 403
    assert request_as("promotes", "POST", f"{UC}/model-versions/create", json=create) == 403
    assert request_as("approves", "POST", f"{UC}/model-versions/set-tag", json=set_tag) == 200


@pytest.mark.parametrize("role", ROLES)
def test_no_identity_may_create_or_delete_a_registered_model(request_as, role):
    name = {"name": "data_masters.deploy.another"}
    assert request_as(role, "POST", f"{UC}/registered-models/create", json=name) == 403
    assert request_as(role, "DELETE", f"{UC}/registered-models/delete", json=name) == 403


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/2.0/serving-endpoints", {"serves", "releases"}),
        ("GET", "/api/2.0/mlflow/experiments/get-by-name", {*ROLES} - {"approves", "delivers"}),
        ("POST", "/api/2.0/mlflow/runs/create", {"trains", "promotes", "releases"}),
        ("PUT", "/api/2.0/fs/files/Volumes/a/b/c/file", {"trains", "promotes", "releases"}),
        ("GET", f"{ARTIFACTS}/file", {"trains", "promotes", "releases", "reads"}),
        ("PUT", f"{ARTIFACTS}/file", {"trains", "promotes", "releases"}),
        ("GET", "/api/2.0/fs/files/Models/a/b/c/1/file", {"promotes", "serves", "releases"}),
        ("PUT", "/api/2.0/fs/files/Models/a/b/c/1/file", {"promotes", "releases"}),
        ("POST", f"{UC}/model-versions/set-tag", {"promotes", "releases", "approves"}),
        ("POST", f"{UC}/registered-models/set-tag", {"promotes", "releases"}),
        ("POST", "/api/2.0/secrets/put", set()),
        ("GET", "/api/2.0/secrets/get", {*ROLES} - {"reads", "approves", "delivers"}),
        ("GET", "/api/2.0/anything/else", set()),
    ],
)
def test_a_request_is_allowed_to_the_roles_of_the_table_alone(request_as, method, path, allowed):
    statuses = {role: request_as(role, method, path) for role in ROLES}
    assert {role for role, status in statuses.items() if status != 403} == allowed
