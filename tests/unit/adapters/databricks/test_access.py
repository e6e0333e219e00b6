"""What a workspace's process is given: one kind of credentials, and the headers of its requests."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.databricks.access import resolve_access
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.process_config import PLACEHOLDER_TOKEN

HOST = "https://adb-1.azuredatabricks.net"
TOKEN = {"DATABRICKS_HOST": HOST, "DATABRICKS_TOKEN": "dapi0"}
PRINCIPAL = {
    "DATABRICKS_HOST": HOST,
    "DATABRICKS_CLIENT_ID": "an-id",
    "DATABRICKS_CLIENT_SECRET": "a-secret",
}


def credentials_of(access):
    names = ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET")
    return {name: access.variables[name] for name in names if name in access.variables}


@pytest.mark.parametrize(
    ("given", "credentials"),
    [
        (TOKEN, {"DATABRICKS_TOKEN": "dapi0"}),
        # The SDK rejects a token beside a client id, which is there for OIDC.
        ({**TOKEN, "DATABRICKS_CLIENT_ID": "an-id"}, {"DATABRICKS_TOKEN": "dapi0"}),
        (
            PRINCIPAL,
            {"DATABRICKS_CLIENT_ID": "an-id", "DATABRICKS_CLIENT_SECRET": "a-secret"},
        ),
        ({"DATABRICKS_HOST": HOST}, {"DATABRICKS_TOKEN": PLACEHOLDER_TOKEN}),
        (
            {"DATABRICKS_HOST": HOST, "DATABRICKS_CLIENT_ID": "an-id"},
            {"DATABRICKS_TOKEN": PLACEHOLDER_TOKEN},
        ),
    ],
)
def test_the_process_has_one_kind_of_credentials(given, credentials):
    access = resolve_access("databricks-uc", {**given, "DATABRICKS_CONFIG_PROFILE": ""})
    assert credentials_of(access) == credentials
    is_signed_in_by_parent = credentials == {"DATABRICKS_TOKEN": PLACEHOLDER_TOKEN}
    assert (access.requests.sign_in is not None) == is_signed_in_by_parent


def test_the_id_of_the_workspace_is_in_its_variables_and_its_requests():
    access = resolve_access("databricks", {**TOKEN, "DATABRICKS_WORKSPACE_ID": "42"})
    assert access.workspace_id == access.variables["DATABRICKS_WORKSPACE_ID"] == "42"
    assert access.requests.fixed == {"x-databricks-org-id": "42"}
    assert resolve_access("databricks", TOKEN).requests.fixed == {}


def test_a_host_without_a_scheme_is_reached_by_https():
    access = resolve_access("databricks", {**TOKEN, "DATABRICKS_HOST": HOST.partition("//")[2]})
    assert access.requests.address == access.variables["DATABRICKS_HOST"] == HOST


def test_a_token_without_a_host_is_reported():
    with pytest.raises(ConfigurationError, match="DATABRICKS_HOST is not set, expected"):
        resolve_access("databricks", {"DATABRICKS_TOKEN": "dapi0"})


def test_no_secret_is_shown():
    access = resolve_access("databricks", PRINCIPAL)
    assert "a-secret" not in repr(access) + repr(access.process_config({}))
