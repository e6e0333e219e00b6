"""Adapters of two workspaces, each in a process of its own, as the catalog makes them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crosscloud_mnist.adapters.isolation import Isolated, end_all

ADAPTERS = "crosscloud_mnist.adapters.databricks"
SCOPE, PREFIX = "data_masters_gcp", "data_masters_deploy"
EXPERIMENT = "/Shared/crosscloud-mnist"


@pytest.fixture(scope="session")
def scope(clouds):
    """The secrets of gcp, kept in azure, as the documented command writes them."""
    remote = {
        "REMOTE_HOST": clouds["gcp"].host,
        "REMOTE_TOKEN": clouds["gcp"].token,
        "REMOTE_WORKSPACE_ID": clouds["gcp"].number,
    }
    return write_secrets(clouds["azure"], SCOPE, PREFIX, **remote)


def write_secrets(cloud, scope, prefix, **remote):
    ended = subprocess.run(
        [
            *(sys.executable, "-m", f"{ADAPTERS}.secrets"),
            *("--scope", scope, "--prefix", prefix),
        ],
        env={**cloud.variables(), **remote},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said
    for name, value in remote.items():
        assert name in ("REMOTE_HOST", "REMOTE_WORKSPACE_ID") or value not in said
    assert cloud.token not in said
    return said


@pytest.fixture(scope="session")
def open_registry():
    """Return a function that opens a registry: its URI, and the credentials in conf."""

    def open_(uri, credentials):
        options = {"uri": uri, "experiment": EXPERIMENT}
        return Isolated(f"{ADAPTERS}.Registry", options, credentials)

    yield open_
    end_all()
