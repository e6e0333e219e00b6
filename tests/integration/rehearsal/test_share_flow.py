"""The share in the shipped conf: by values alone, as a job of the recipient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.bundle import write
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from rehearsal.flow import Flow
from rehearsal.job import JobEnvironment
from rehearsal.share_flow import promote_shared
from rehearsal.volume import Volume

pytestmark = [pytest.mark.process, pytest.mark.slow]
NAME = "data_masters.deploy.mnist_cnn"


@pytest.fixture(scope="module")
def champion(clouds, tiny_contents, signer, tmp_path_factory):
    """A model that the shipped conf accepts, which azure serves."""
    card = {**tiny_contents.card, "metrics": {"test_accuracy": 0.995}}
    folder = tmp_path_factory.mktemp("champion") / "bundle"
    bundle = write(replace(tiny_contents, card=card), folder, signer)
    registry = IsolatedAdapter(
        "crosscloud_mnist.adapters.databricks.UnityCatalogRegistry",
        {"uri": "databricks-uc", "experiment": "/Shared/crosscloud-mnist"},
        clouds["azure"].variables(),
    )
    version = registry.create_version(
        NAME, bundle.folder, digest=bundle.digest, tags={}, description=""
    )
    registry.set_alias(version, "champion")
    return version


def test_the_champion_of_one_cloud_is_promoted_in_the_other_from_a_share(
    clouds, champion, package, tmp_path, tmp_path_factory
):
    job = JobEnvironment.create(package, tmp_path_factory.mktemp("job"), has_cluster=False)
    public = str(tmp_path_factory.getbasetemp() / "keys" / "signing.pub")
    variables = {"MNIST_VERIFYING_KEY": public, "GIT_COMMIT": "ab" * 20}
    volume = Volume(tmp_path / "storage", None)
    flow = Flow(clouds, volume, tmp_path / "cache", variables, signing_key="", job=job)
    (row,) = promote_shared(flow, "azure", "gcp")
    assert row.is_shown, row
    source = f"models:/data_masters_azure.deploy.mnist_cnn/{champion.version}"
    assert row.found.endswith(f" of {source}; 0 requests to azure")
