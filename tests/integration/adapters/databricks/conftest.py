"""Adapters of two workspaces, each in a process of its own, as the catalog makes them."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest.mock import patch

import httpx
import pytest

from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all

ADAPTERS = "crosscloud_mnist.adapters.databricks"
EXPERIMENT = "/Shared/crosscloud-mnist"


@pytest.fixture(scope="session")
def write_secrets():
    """Return the documented command: in which workspace, scope and prefix, and the values."""

    def write(cloud, scope, prefix, **remote):
        return subprocess.run(
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

    return write


@pytest.fixture(autouse=True)
def remove_faults(request):
    """After each test, also a failed one: what it injected is not met by the next."""
    yield
    if "clouds" in request.fixturenames:
        for cloud in request.getfixturevalue("clouds").values():
            cloud.inject()


@pytest.fixture(scope="session")
def other(clouds, write_secrets):
    """``scope:prefix`` in azure of the secrets of gcp."""
    gcp = clouds["gcp"]
    remote = {"REMOTE_HOST": gcp.host, "REMOTE_TOKEN": gcp.token}
    ended = write_secrets(
        clouds["azure"], "to_gcp", "deploy", **remote, REMOTE_WORKSPACE_ID=gcp.workspace_id
    )
    assert ended.returncode == 0, ended.stderr
    assert not {gcp.token, clouds["azure"].token} & set(ended.stdout.split())
    return "to_gcp:deploy"


@pytest.fixture(scope="session")
def open_registry():
    """Return a function that opens a registry: its URI, and the credentials of conf."""

    def open_(uri, credentials, experiment=EXPERIMENT):
        options = {"uri": uri, "experiment": experiment}
        network = {k: v for k, v in credentials.items() if not k.startswith("DATABRICKS_")}
        with patch.dict(os.environ, network):  # the process inherits how to reach the storage
            return IsolatedAdapter(f"{ADAPTERS}.UnityCatalogRegistry", options, credentials)

    yield open_
    end_all()


@pytest.fixture(scope="session")
def new_run():
    """Return a function that opens a run in a workspace, as kedro-mlflow does."""

    def run(cloud):
        with httpx.Client(
            base_url=f"{cloud.host}/api/2.0/mlflow",
            headers={"authorization": f"Bearer {cloud.token}"},
            timeout=30,
        ) as http:
            http.post("/experiments/create", json={"name": EXPERIMENT})
            known = http.get("/experiments/get-by-name", params={"experiment_name": EXPERIMENT})
            number = known.json()["experiment"]["experiment_id"]
            created = http.post("/runs/create", json={"experiment_id": number})
        return created.json()["run"]["info"]["run_id"]

    return run


@pytest.fixture(scope="session")
def logged(clouds, open_registry, new_run, tiny_bundle):
    """The URI of the tiny bundle, logged in azure."""
    source = open_registry("databricks", clouds["azure"].variables())
    return source.log_model(
        tiny_bundle.folder,
        run_id=new_run(clouds["azure"]),
        digest=tiny_bundle.digest,
        tags={"dataset": "uci-digits"},
        params={"epochs": "1"},
    )


@pytest.fixture
def writes():
    """Return a function that lists the write requests that a workspace received."""
    return lambda cloud: [r for r in cloud.requests() if r["method"] not in ("GET", "HEAD")]
