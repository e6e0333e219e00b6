"""From one Databricks workspace to another's Unity Catalog: verified, complete, or one line."""

from __future__ import annotations

import shutil
import time

import pytest

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.errors import ConfigurationError, RegistryError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion

NAME = "data_masters.deploy.mnist_cnn"


def register(target, bundle, name=NAME):
    return target.create_version(
        name,
        bundle.folder,
        digest=bundle.digest,
        tags={"source_workspace": "azure"},
        description="digits",
    )


@pytest.fixture(scope="module")
def target(clouds, other, open_registry):
    return open_registry(f"databricks-uc://{other}", clouds["azure"].variables())


def test_a_bundle_travels_from_one_workspace_to_the_other(
    clouds, logged, target, open_registry, tiny_bundle, tmp_path
):
    source = open_registry("databricks", clouds["azure"].variables())
    model = source.logged_model(logged)
    assert (model.digest, model.tags["dataset"]) == (tiny_bundle.digest, "uci-digits")
    source.download_logged(logged, tmp_path / "bundle_cache")
    assert digest_of(tmp_path / "bundle_cache") == tiny_bundle.digest
    assert (source.has_logged_model(logged), target.has_logged_model(logged)) == (True, False)
    assert source.workspace() == f"{clouds['azure'].host}/?o=1111"
    assert target.workspace() == f"{clouds['gcp'].host}/?o=2222"

    assert target.find_version(NAME, tiny_bundle.digest) is None
    version = register(target, tiny_bundle)
    assert (version.name, version.version, version.digest) == (NAME, "1", tiny_bundle.digest)
    assert version.tags["source_workspace"] == "azure"
    assert target.find_version(NAME, tiny_bundle.digest) == version
    assert target.get_version_by_alias(NAME, "champion") is None
    target.set_alias(version, "champion")
    assert target.get_version_by_alias(NAME, "champion") == version
    target.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == tiny_bundle.digest


def test_a_report_is_one_run_of_the_workspace_however_often_it_is_written(
    clouds, target, tiny_bundle
):
    gcp = clouds["gcp"]
    version = ModelVersion(NAME, "1", tiny_bundle.digest)
    address = target.log_report(version, "<p>one</p>")
    assert target.log_report(version, "<p>two</p>") == address
    assert address.startswith(f"{gcp.host}/ml/experiments/")
    (page,) = gcp.folder.rglob("report.html")
    assert page.read_text() == "<p>two</p>"


def test_no_request_carries_the_other_workspaces_token(clouds, logged, target):
    target.workspace()
    for cloud in clouds.values():
        other = next(each for each in clouds.values() if each is not cloud)
        seen = {request["token"] for request in cloud.requests()} - {None}
        assert cloud.digest() in seen
        assert other.digest() not in seen


def test_variables_and_profiles_of_the_user_do_not_redirect_requests(
    clouds, target, other, open_registry, monkeypatch, tmp_path
):
    profile = tmp_path / ".databrickscfg"
    profile.write_text(f"[DEFAULT]\nhost = {clouds['azure'].host}\ntoken = wrong\n")
    traps = {
        "DATABRICKS_HOST": clouds["azure"].host,
        "DATABRICKS_TOKEN": "wrong",
        "DATABRICKS_CLIENT_ID": "wrong",
        "DATABRICKS_CLIENT_SECRET": "wrong",
        "DATABRICKS_CONFIG_FILE": str(profile),
        "DATABRICKS_CONFIG_PROFILE": "DEFAULT",
        "MLFLOW_TRACKING_URI": clouds["azure"].host,
        "MLFLOW_REGISTRY_URI": "databricks",
        "HOME": str(tmp_path),
    }
    for name, value in traps.items():
        monkeypatch.setenv(name, value)
    anew = open_registry(f"databricks-uc://{other}", {**clouds["azure"].variables(), "x": "y"})
    assert anew.workspace() == target.workspace()


def test_a_service_principal_signs_in_with_oauth(clouds, open_registry, write_secrets):
    gcp = clouds["gcp"]
    remote = {"REMOTE_CLIENT_ID": gcp.client_id, "REMOTE_CLIENT_SECRET": gcp.client_secret}
    ended = write_secrets(
        clouds["azure"],
        *("to_gcp_oauth", "deploy"),
        **remote,
        REMOTE_HOST=gcp.host,
        REMOTE_WORKSPACE_ID=gcp.workspace_id,
    )
    assert "deploy-client-secret" in ended.stdout
    assert gcp.client_secret not in ended.stdout + ended.stderr
    uri = "databricks-uc://to_gcp_oauth:deploy"
    target = open_registry(uri, clouds["azure"].principal())
    assert target.get_version_by_alias(NAME, "nobody") is None
    assert target.workspace() == f"{gcp.host}/?o=2222"


def test_a_workspace_with_another_id_than_the_secret_is_rejected_before_any_write(
    clouds, open_registry, write_secrets, tiny_bundle, writes
):
    azure, gcp = clouds["azure"], clouds["gcp"]
    remote = {"REMOTE_HOST": gcp.host, "REMOTE_TOKEN": gcp.token, "REMOTE_WORKSPACE_ID": "3333"}
    assert write_secrets(azure, "swapped", "deploy", **remote).returncode == 0
    before = len(writes(gcp))
    target = open_registry("databricks-uc://swapped:deploy", azure.variables())
    with pytest.raises(RegistryError, match="is workspace 2222, expected 3333"):
        register(target, tiny_bundle)
    assert len(writes(gcp)) == before


def test_a_wrong_token_and_a_missing_scope_are_one_line(clouds, open_registry, write_secrets):
    azure, gcp = clouds["azure"], clouds["gcp"]
    remote = {"REMOTE_HOST": gcp.host, "REMOTE_TOKEN": azure.token, "REMOTE_WORKSPACE_ID": "2222"}
    assert write_secrets(azure, "mixed_up", "deploy", **remote).returncode == 0
    with pytest.raises(RegistryError, match="Invalid access token") as raised:
        open_registry("databricks-uc://mixed_up:deploy", azure.variables()).workspace()
    assert "\n" not in str(raised.value)
    assert azure.token not in str(raised.value)
    with pytest.raises(RegistryError, match="Scope nonesuch does not exist"):
        open_registry("databricks-uc://nonesuch:deploy", azure.variables())
    with pytest.raises(ConfigurationError, match="hold nothing, expected DATABRICKS_HOST"):
        open_registry("databricks-uc://mixed_up:nonesuch", azure.variables())


def test_a_dead_workspace_is_reported_in_seconds(open_registry):
    started = time.monotonic()
    dead = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "dapi0"}
    with pytest.raises(RegistryError, match="http://127.0.0.1:9 does not answer"):
        open_registry("databricks-uc", dead).workspace()
    assert time.monotonic() - started < 15


def test_the_deprecated_workspace_registry_is_no_target(clouds, open_registry, tiny_bundle):
    registry = open_registry("databricks", clouds["azure"].variables())
    for write in (
        lambda: register(registry, tiny_bundle),
        lambda: registry.find_version(NAME, tiny_bundle.digest),
        lambda: registry.get_version_by_alias(NAME, "champion"),
    ):
        with pytest.raises(ConfigurationError, match="databricks-uc://scope:prefix"):
            write()


@pytest.mark.parametrize("uri", ["databricks://profile", "https://adb-1.net", "databricks-uc://a"])
def test_any_other_uri_is_rejected(clouds, open_registry, uri):
    with pytest.raises(ConfigurationError, match="expected databricks or databricks-uc"):
        open_registry(uri, clouds["azure"].variables())


def test_two_kinds_of_credentials_are_rejected(clouds, open_registry):
    azure = clouds["azure"]
    with pytest.raises(
        ConfigurationError, match="either DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID"
    ):
        open_registry("databricks", {**azure.principal(), **azure.variables()})


def test_a_version_of_unity_catalog_is_a_source_too(
    clouds, target, open_registry, tiny_bundle, tmp_path
):
    name = "data_masters.train.mnist_cnn"
    version = register(target, tiny_bundle, name)
    source = open_registry("databricks-uc", clouds["gcp"].variables())
    uri = f"models:/{name}/{version.version}"
    assert source.logged_model(uri).digest == tiny_bundle.digest
    source.download_logged(uri, tmp_path / "bundle_cache")
    assert digest_of(tmp_path / "bundle_cache") == tiny_bundle.digest


def test_the_ledger_is_anchored_in_the_registered_model_of_unity_catalog(target, tiny_bundle):
    name = "data_masters.deploy.ledger"
    digest = register(target, tiny_bundle, name).digest
    for version in ("1", "2"):
        entry = LedgerEntry("promoted", name, "champion", version, digest)
        target.complete_entry(target.append_entry(entry))
    first, second = target.ledger(name)
    assert (first.version, second.version) == ("1", "2")
    assert second.previous_hash == first.hash
    assert first.completed
    assert first.actor
    assert target.ledger("data_masters.deploy.never_promoted") == []


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "429", "method": "PUT", "path": "/fs/files", "times": 2, "retry_after": 1},
        {"fault": "503", "path": "/unity-catalog/model-versions", "times": 1},
        {"fault": "cut", "method": "PUT", "path": "model.onnx"},
        {"fault": "slow", "path": "/fs/files", "times": 3, "seconds": 0.3},
    ],
    ids=lambda rule: rule["fault"],
)
def test_a_transient_fault_is_retried(clouds, target, tiny_bundle, tmp_path, rule):
    name = f"data_masters.deploy.fault_{rule['fault']}"
    clouds["gcp"].inject(rule)
    version = register(target, tiny_bundle, name)
    clouds["gcp"].inject()
    assert target.find_version(name, tiny_bundle.digest) == version
    target.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == tiny_bundle.digest


def test_a_token_that_expires_during_the_upload_leaves_no_complete_version(
    clouds, target, tiny_bundle
):
    name = "data_masters.deploy.expired"
    clouds["gcp"].inject({"fault": "expired", "path": "/fs/files", "times": 99})
    with pytest.raises(RegistryError) as raised:
        register(target, tiny_bundle, name)
    clouds["gcp"].inject()
    assert "\n" not in str(raised.value)
    assert target.find_version(name, tiny_bundle.digest) is None
    register(target, tiny_bundle, name)
    assert target.find_version(name, tiny_bundle.digest).version == "2"


def test_a_folder_without_a_model_is_not_registered(target, tmp_path):
    shutil.copytree(tmp_path, tmp_path / "empty")
    with pytest.raises(RegistryError):
        target.create_version(NAME, tmp_path / "empty", digest="00", tags={}, description="")
