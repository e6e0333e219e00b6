"""Delta Sharing as a source: a version of a mounted catalog is promoted, and no secret crosses."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from crosscloud_mnist.adapters.databricks.checks import DatabricksChecks
from crosscloud_mnist.bundle import digest_of, write
from crosscloud_mnist.errors import PromotionRejectedError, RegistryError, VerificationError
from crosscloud_mnist.pipelines import register_remote
from crosscloud_mnist.promotion import ProductionModel
from rehearsal.mnist_contract import mnist_contract
from rehearsal.share_model import open_client, share_model, stop_sharing

SHARED = "data_masters.deploy.shared"  # at the provider, azure
PRODUCTION = "data_masters.deploy.from_share"  # at the recipient, gcp
SHARE = "shared_in_tests"
CATALOG = "mounted_in_tests"  # the share's, mounted at the recipient
MOUNTED = f"{CATALOG}.deploy.shared"


@pytest.fixture(scope="module")
def provider(clouds, open_registry):
    return open_registry("databricks-uc", clouds["azure"].variables())


@pytest.fixture(scope="module")
def recipient(clouds, open_registry):
    return open_registry("databricks-uc", clouds["gcp"].variables())


@pytest.fixture
def promote(tmp_path, verifier, register_remote_parameters):
    """Return a function that runs ``register_remote``, with a bundle cache of the test's own."""

    def promote_(source, target, uri, name=PRODUCTION, **changed):
        inputs = {
            "source_registry": source,
            "target_registry": target,
            "verifier": verifier,
            "model_uri": uri,
            "params:production": ProductionModel(name, "champion"),
            "params:register_remote": register_remote_parameters(tmp_path / "cache", **changed),
            "params:contract": mnist_contract(),
        }
        memory = {key: MemoryDataset(value, copy_mode="assign") for key, value in inputs.items()}
        kept = {"candidate": JSONDataset(filepath=str(tmp_path / "candidate.json"))}
        pipeline = register_remote.create_pipeline()
        outputs = SequentialRunner().run(pipeline, DataCatalog({**memory, **kept}))
        return {**outputs["registered_model"].load(), "candidate": kept["candidate"].load()}

    return promote_


@pytest.fixture(scope="module")
def register(provider, tiny_contents, signer, tmp_path_factory):
    """Return a function that registers another bundle at the provider."""

    def register_(name):
        folder = tmp_path_factory.mktemp(name) / "bundle"
        bundle = write(replace(tiny_contents, keras=name.encode()), folder, signer)
        return provider.create_version(
            SHARED, bundle.folder, digest=bundle.digest, tags={}, description=name
        )

    return register_


@pytest.fixture(scope="module")
def mounted(clouds, register):
    """The URI of version 1 in the mounted catalog."""
    first = register("first")
    share_model(clouds["azure"], clouds["gcp"], SHARED, SHARE, CATALOG)
    return f"models:/{MOUNTED}/{first.version}"


@pytest.fixture
def shares(clouds):
    """Return a function that edits what the provider shares; the test's edits are undone."""
    path = clouds["azure"].folder / "shares.json"
    before = path.read_text()

    def edit(**changed):
        provider = json.loads(path.read_text())
        share = provider["shares"][SHARE]
        for name, value in changed.items():
            (share if name in share else provider)[name] = value
        path.write_text(json.dumps(provider))

    yield edit
    path.write_text(before)


def files_of(cloud, name, version):
    return cloud.folder / "files" / "Models" / name.replace(".", "/") / version


def test_a_model_is_registered_in_its_own_workspace_only_on_request(
    clouds, open_registry, logged, promote
):
    source = open_registry("databricks", clouds["azure"].variables())
    target = open_registry("databricks-uc", clouds["azure"].variables())
    name = "data_masters.deploy.registered_at_home"
    with pytest.raises(PromotionRejectedError, match="require_other_workspace=false"):
        promote(source, target, logged, name)
    registered = promote(source, target, logged, name, require_other_workspace=False)
    assert (registered["version"], registered["created"]) == ("1", True)


def test_a_shared_version_is_promoted_with_the_credentials_of_the_target_alone(
    clouds, recipient, mounted, promote, tmp_path
):
    before = len(clouds["azure"].requests())
    registered = promote(recipient, recipient, mounted)
    assert (registered["version"], registered["created"]) == ("1", True)
    assert len(clouds["azure"].requests()) == before  # nothing was asked of the provider's host
    version = recipient.get_version_by_alias(PRODUCTION, "champion")
    assert version.digest == registered["digest"]
    assert version.tags["source_model"] == mounted
    assert version.tags["source_workspace"] == recipient.workspace()
    assert version.tags["git_commit"] == "cd" * 20  # of the signed card
    assert "source_run_id" not in version.tags  # a run of another workspace is not readable
    recipient.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == version.digest
    assert promote(recipient, recipient, mounted)["created"] is False
    entries = recipient.ledger(PRODUCTION)
    assert [(entry.action, entry.version, entry.completed) for entry in entries] == [
        ("promoted", "1", True)
    ]


def test_an_alias_of_the_provider_is_resolved_once_to_a_number(
    recipient, provider, mounted, register, promote
):
    second = register("second")
    provider.set_alias(second, "approved")
    registered = promote(recipient, recipient, f"models:/{MOUNTED}@approved")
    assert registered["digest"] == second.digest
    assert registered["source_model"] == f"models:/{MOUNTED}/{second.version}"
    assert registered["candidate"]["uri"] == registered["source_model"]


def test_the_same_registered_model_as_source_and_target_is_rejected(recipient, mounted, promote):
    version = promote(recipient, recipient, mounted)["version"]
    for uri in (f"models:/{PRODUCTION}/{version}", f"models:/{PRODUCTION.upper()}@champion"):
        with pytest.raises(PromotionRejectedError, match="expected one of another model"):
            promote(recipient, recipient, uri)


def test_one_name_in_two_metastores_is_two_models(provider, recipient, register, promote):
    version = register("same_name")
    registered = promote(provider, recipient, f"models:/{SHARED}/{version.version}", SHARED)
    assert registered["created"]


def test_a_mounted_catalog_is_read_only(clouds, recipient, mounted, tiny_bundle):
    version = recipient.get_version(MOUNTED, mounted.rpartition("/")[2])
    for write_ in (
        lambda: recipient.create_version(
            MOUNTED, tiny_bundle.folder, digest=tiny_bundle.digest, tags={}, description=""
        ),
        lambda: recipient.tag_version(version, {"verified": "x"}),
        lambda: recipient.set_alias(version, "champion"),
        lambda: recipient.delete_version(version),
    ):
        with pytest.raises(RegistryError, match="it is read-only"):
            write_()
    gcp = clouds["gcp"]
    file = f"/Models/{MOUNTED.replace('.', '/')}/1/MLmodel"
    with httpx.Client(
        base_url=f"{gcp.host}/api/2.0/fs", headers={"authorization": f"Bearer {gcp.token}"}
    ) as http:
        for response in (
            http.put(f"/files{file}", content=b"x", params={"overwrite": "true"}),
            http.delete(f"/files{file}"),
            http.post("/create-upload-url", json={"path": file}),
        ):
            assert response.status_code == 403
            assert "it is read-only" in response.json()["message"]


def test_a_version_that_shows_no_digest_is_promoted_only_by_its_digest(
    recipient, mounted, register, promote, shares
):
    third = register("third")
    uri = f"models:/{MOUNTED}/{third.version}"
    shares(hidden=["tags", "description"])
    with pytest.raises(PromotionRejectedError, match=r"shows no digest.*register_remote\.digest"):
        promote(recipient, recipient, uri)
    with pytest.raises(VerificationError, match="expected 0000"):
        promote(recipient, recipient, uri, digest="0" * 64)
    assert promote(recipient, recipient, uri, digest=third.digest)["digest"] == third.digest


def test_another_digest_than_the_recorded_one_is_rejected_before_anything_is_fetched(
    recipient, mounted, promote, tmp_path
):
    with pytest.raises(PromotionRejectedError, match=r"which register_remote\.digest names"):
        promote(recipient, recipient, mounted, digest="0" * 64)
    assert not (tmp_path / "cache").exists()


def test_a_shared_version_whose_files_were_changed_is_rejected(
    clouds, recipient, register, mounted, promote
):
    changed = register("changed")
    model = files_of(clouds["azure"], SHARED, changed.version) / "artifacts" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    with pytest.raises(VerificationError, match=r"model\.onnx"):
        promote(recipient, recipient, f"models:/{MOUNTED}/{changed.version}")
    assert recipient.find_version(PRODUCTION, changed.digest) is None


def test_what_the_provider_deletes_stays_in_production(
    recipient, provider, register, mounted, promote, tmp_path
):
    deleted = register("deleted")
    uri = f"models:/{MOUNTED}/{deleted.version}"
    promote(recipient, recipient, uri)
    provider.delete_version(deleted)
    with pytest.raises(RegistryError, match="not found|does not exist") as raised:
        promote(recipient, recipient, uri)
    assert "\n" not in str(raised.value)
    copy = recipient.get_version_by_alias(PRODUCTION, "champion")
    assert copy.digest == deleted.digest
    recipient.download_version(copy, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == deleted.digest


def test_a_provider_that_does_not_answer_is_named(clouds, mounted, shares):
    shares(tracking="http://127.0.0.1:9")
    gcp = clouds["gcp"]
    answer = httpx.get(
        f"{gcp.host}/api/2.0/mlflow/unity-catalog/model-versions/get",
        params={"name": MOUNTED, "version": "1"},
        headers={"authorization": f"Bearer {gcp.token}"},
    )
    assert (answer.status_code, answer.json()["message"]) == (
        503,
        "Provider 'azure' does not answer.",
    )


def test_the_provider_can_stop_the_recipient(clouds, recipient, mounted, promote, shares):
    stop_sharing(clouds["azure"], clouds["gcp"], SHARE)
    with pytest.raises(RegistryError, match="is not readable"):
        promote(recipient, recipient, mounted)


def test_doctor_says_what_a_share_shows_of_a_version(clouds, mounted, shares):
    credentials = clouds["gcp"].variables()
    role = {"uri": "databricks-uc", "credentials": credentials}

    def check(uri):
        checks = DatabricksChecks(
            roles={"source": {**role, "model": uri}},
            storage="/local",
            experiment="/Shared/crosscloud-mnist",
            model_name=PRODUCTION,
            endpoint_name="none",
            image_shape=[28, 28],
            has_inference_table=False,
        ).check([])
        return {check.name: check for check in checks if check.name.startswith("candidate")}

    shown = check(mounted)
    assert {each.status for each in shown.values()} == {"passed"}, shown
    assert shown["candidate"].found.endswith("in its description")
    assert list(check("models:/m-0123456789abcdef0123456789abcdef")) == []
    shares(hidden=["tags", "description"])
    hidden = check(mounted)
    assert [each.status for each in hidden.values()] == ["failed", "waiting"]
    assert hidden["candidate"].found.endswith("shows no digest")
    gone = check(f"models:/{MOUNTED}/999")
    assert (gone["candidate"].status, gone["candidate's files"].status) == ("failed", "waiting")


def test_a_share_that_was_not_granted_is_not_mounted(clouds, mounted):
    open_client(clouds["azure"]).shares.create("not_granted")
    with pytest.raises(Exception, match="Share 'not_granted' does not exist"):
        open_client(clouds["gcp"]).catalogs.create(
            "not_granted", provider_name="azure", share_name="not_granted"
        )
