"""What the storage of a model needs is checked before anything is uploaded."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from crosscloud_mnist.adapters.databricks import transports
from crosscloud_mnist.adapters.databricks.transports import check_transport
from crosscloud_mnist.errors import ConfigurationError

WORKSPACE_ONLY = "DATABRICKS_DISABLE_EXPERIMENTAL_FILES_API_CLIENT"
ENABLED = "is_databricks_sdk_models_artifact_repository_enabled"


def workspace(location, *, files_api=False):
    """A client of a workspace that keeps models at the location."""
    return SimpleNamespace(
        api_client=SimpleNamespace(do=lambda method, path: {ENABLED: files_api}),
        registered_models=SimpleNamespace(
            get=lambda name: SimpleNamespace(storage_location=location)
        ),
    )


@pytest.fixture
def reached(monkeypatch):
    """The addresses that were checked."""
    addresses = []
    monkeypatch.setattr(
        transports, "check_reachable", lambda address, what, error: addresses.append(address)
    )
    return addresses


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("abfss://c@acc.dfs.core.windows.net/x", "https://acc.dfs.core.windows.net"),
        ("gs://bucket/x", "https://storage.googleapis.com"),
        ("s3://bucket/x", "https://bucket.s3.amazonaws.com"),
    ],
)
def test_the_host_of_the_storage_is_reached(location, address, reached):
    check_transport(workspace(location), "a.b.c")
    assert reached == [address]


@pytest.mark.parametrize(
    "client", [workspace(None), workspace("dbfs:/x"), workspace("dbfs:/x", files_api=True)]
)
def test_nothing_is_needed_where_the_workspace_takes_the_files_itself(client, reached, monkeypatch):
    monkeypatch.setattr(transports, "find_spec", lambda module: None)
    check_transport(client, "a.b.c")
    assert reached == []


@pytest.mark.parametrize(
    ("location", "package"),
    [
        ("abfss://c@acc.dfs.core.windows.net/x", "azure-storage-file-datalake"),
        ("gs://bucket/x", "google-cloud-storage"),
        ("s3://bucket/x", "boto3"),
    ],
)
def test_a_missing_package_is_one_line_that_names_it_and_the_extra(
    location, package, reached, monkeypatch
):
    monkeypatch.setattr(transports, "find_spec", lambda module: None)
    with pytest.raises(ConfigurationError, match=f"package {package} is not .*databricks\\]"):
        check_transport(workspace(location), "a.b.c")
    assert reached == []


def test_a_package_whose_parent_is_missing_is_not_installed(reached, monkeypatch):
    def find(module):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(transports, "find_spec", find)
    with pytest.raises(ConfigurationError, match="google-cloud-storage"):
        check_transport(workspace("gs://bucket/x"), "a.b.c")


@pytest.mark.parametrize("is_blocked", [True, False])
def test_the_files_api_needs_no_package_and_no_storage_host(monkeypatch, is_blocked):
    def check(address, what, error):
        if is_blocked:
            raise error(f"{address} does not answer")

    monkeypatch.setattr(transports, "check_reachable", check)
    monkeypatch.setattr(transports, "find_spec", lambda module: None)
    monkeypatch.delenv(WORKSPACE_ONLY, raising=False)
    check_transport(workspace("gs://bucket/x", files_api=True), "a.b.c")
    assert os.environ.pop(WORKSPACE_ONLY, None) == ("true" if is_blocked else None)
