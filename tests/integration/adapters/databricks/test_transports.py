"""Unity Catalog takes model files in four ways; the workspace chooses, and says so late."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import pytest

from crosscloud_mnist.bundle import digest_of
from crosscloud_mnist.errors import RegistryError
from rehearsal.cloud_storage_process import CloudStorageProcess
from rehearsal.share_model import share_model
from rehearsal.unity_catalog_switches import TRANSPORTS, UnityCatalogSwitches
from rehearsal.workspace_process import WorkspaceProcess

LARGE_BYTES = 60 * 2**20  # databricks-sdk uploads 50 MB or more in parts


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """The cloud storage of both workspaces."""
    started = CloudStorageProcess.start(tmp_path_factory.mktemp("storage"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def clouds(storage, tmp_path_factory):
    """Two workspaces whose Unity Catalog keeps its files in the cloud storage."""
    folder = tmp_path_factory.mktemp("clouds_with_storage")
    with ExitStack() as stack:
        started = {}
        for name, workspace_id in (("azure", "1111"), ("gcp", "2222")):
            started[name] = WorkspaceProcess.start(name, workspace_id, folder / name, storage)
            stack.callback(started[name].stop)
        yield started


@pytest.fixture(scope="module")
def target(clouds, open_registry):
    return open_registry("databricks-uc", clouds["gcp"].variables())


@pytest.fixture
def gcp(clouds, storage):
    yield clouds["gcp"]
    clouds["gcp"].set_unity_catalog(UnityCatalogSwitches())
    storage.block()


@pytest.fixture(scope="module")
def large_folder(tiny_bundle, tmp_path_factory):
    """The tiny bundle with a file that no single request takes."""
    folder = tmp_path_factory.mktemp("large") / "bundle"
    shutil.copytree(tiny_bundle.folder, folder)
    block = bytes(range(256)) * 4096
    with (folder / "large.bin").open("wb") as file:
        for number in range(LARGE_BYTES // len(block)):
            file.write(number.to_bytes(4, "big") + block[4:])
    return folder


def create(target, name, folder, digest):
    return target.create_version(name, folder, digest=digest, tags={}, description="digits")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_bundle_with_a_large_file_returns_unchanged(
    gcp, storage, target, large_folder, tmp_path, transport
):
    before = storage.writes()
    gcp.set_unity_catalog(UnityCatalogSwitches(transport=transport))
    digest = digest_of(large_folder)
    version = create(target, f"data_masters.deploy.large_{transport}", large_folder, digest)
    target.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == digest
    large_file_by_the_files_api = "presigned"
    expected = large_file_by_the_files_api if transport == "files_api" else transport
    assert (storage.writes() - before).keys() == {expected}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_shared_version_is_read_in_each_way(
    clouds, gcp, target, open_registry, tiny_bundle, tmp_path, transport
):
    azure, name = clouds["azure"], f"shared_{transport}"
    for cloud in (azure, gcp):
        cloud.set_unity_catalog(UnityCatalogSwitches(transport=transport))
    provider = open_registry("databricks-uc", azure.variables())
    create(provider, f"data_masters.deploy.{name}", tiny_bundle.folder, tiny_bundle.digest)
    share_model(azure, gcp, f"data_masters.deploy.{name}", name, f"mounted_{transport}")
    target.download_logged(f"models:/mounted_{transport}.deploy.{name}/1", tmp_path / "copy")
    azure.set_unity_catalog(UnityCatalogSwitches())
    assert digest_of(tmp_path / "copy") == tiny_bundle.digest


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
def test_the_files_api_takes_a_large_file_in_the_way_of_each_cloud(
    clouds, open_registry, large_folder, tmp_path, cloud
):
    registry = open_registry("databricks-uc", clouds[cloud].variables())
    digest = digest_of(large_folder)
    version = create(registry, "data_masters.deploy.large_parts", large_folder, digest)
    registry.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == digest
    paths = {request["path"].rpartition("/")[2] for request in clouds[cloud].requests()}
    part = {"azure": "create-upload-part-urls", "gcp": "create-resumable-upload-url"}
    assert part[cloud] in paths


@pytest.mark.parametrize(
    ("transport", "host"),
    [("gcs", "storage.googleapis.com"), ("sas", "gcprehearsal.dfs.core.windows.net")],
)
def test_a_storage_that_cannot_be_reached_is_one_line_before_a_version_exists(
    gcp, storage, target, tiny_bundle, transport, host
):
    name = f"data_masters.deploy.unreachable_{transport}"
    gcp.set_unity_catalog(UnityCatalogSwitches(transport=transport))
    storage.block(host)
    with pytest.raises(RegistryError, match=f"{host} cannot be reached") as raised:
        create(target, name, tiny_bundle.folder, tiny_bundle.digest)
    assert "\n" not in str(raised.value)
    storage.block()
    assert create(target, name, tiny_bundle.folder, tiny_bundle.digest).version == "1"


def test_the_files_api_sends_files_through_the_workspace_where_the_storage_is_blocked(
    gcp, storage, open_registry, large_folder, tmp_path
):
    storage.block("*")
    registry = open_registry("databricks-uc", gcp.variables(), experiment="/Shared/blocked")
    digest = digest_of(large_folder)
    version = create(registry, "data_masters.deploy.blocked", large_folder, digest)
    registry.download_version(version, tmp_path / "copy")
    assert digest_of(tmp_path / "copy") == digest
