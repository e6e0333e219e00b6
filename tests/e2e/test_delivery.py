"""The jobs of ``.github/workflows/delivery.yml``, step by step against emulated workspaces.

``make rehearse`` runs complete deliveries, training and monitor included
(``rehearsal/delivery_flow.py``).
Here the models are dense layers, which the workspaces have from the beginning.
"""

from __future__ import annotations

from dataclasses import replace

import httpx
import onnxruntime
import pytest

from crosscloud_mnist.bundle import Golden, Signer, TestPredictions, write
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.monitoring import profile_images, profile_predictions
from crosscloud_mnist.ports import LedgerEntry
from crosscloud_mnist.promotion import record_and_move
from rehearsal.delivery import STAGED_MODEL, Delivery
from rehearsal.github_workflow import JobRun

PRODUCTION_MODEL = "data_masters.deploy.mnist_cnn"
SMOKE_TEST = "conf/base/parameters_smoke_test.yml"
TEST_SET, INVERTED_TEST_SET = "ef" * 32, "fe" * 32
pytestmark = [pytest.mark.process, pytest.mark.rehearsal, pytest.mark.slow]


def create_registry(workspace, uri, experiment="/Shared/crosscloud-mnist"):
    return IsolatedAdapter(
        "crosscloud_mnist.adapters.databricks.UnityCatalogRegistry",
        {"uri": uri, "experiment": experiment},
        workspace.variables(),
    )


def promote(workspace, name, bundle, experiment):
    """Make a bundle the champion of a registered model, as earlier releases have."""
    registry = create_registry(workspace, "databricks-uc", experiment)
    version = registry.create_version(
        name, bundle.folder, digest=bundle.digest, tags={}, description=""
    )
    registry.tag_version(version, {"verified": bundle.digest})
    entry = LedgerEntry("promoted", name, "champion", version.version, bundle.digest)
    record_and_move(registry, version, entry)
    return version


def log_model(workspace, bundle):
    """Log a bundle in the sandbox, as ``train`` does; return its URI."""
    authorization = {"authorization": f"Bearer {workspace.token}"}
    with httpx.Client(
        base_url=f"{workspace.host}/api/2.0/mlflow", headers=authorization, timeout=30
    ) as http:
        names = {"experiment_name": "/Shared/crosscloud-mnist"}
        found = http.get("/experiments/get-by-name", params=names).json()["experiment"]
        run = http.post("/runs/create", json={"experiment_id": found["experiment_id"]}).json()
    return create_registry(workspace, "databricks").log_model(
        bundle.folder,
        run_id=run["run"]["info"]["run_id"],
        digest=bundle.digest,
        tags={},
        params={},
    )


@pytest.fixture(scope="module")
def delivery(identity_provider, package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("delivery")
    with Delivery.prepared(folder, identity_provider, package) as delivery:
        yield delivery


@pytest.fixture(scope="module")
def make_bundle(delivery, digits, tiny_contents, tmp_path_factory):
    """Return a function that writes a signed bundle, of the profile of the UCI digits."""
    training = digits["train-images-idx3-ubyte"]
    session = onnxruntime.InferenceSession(tiny_contents.onnx)
    profile = {
        "inputs": profile_images(training),
        "predictions": profile_predictions(session.run(None, {"images": training})[0]),
    }
    signer = Signer(*delivery.keys)

    def make(source, test_set=TEST_SET):
        card = {
            **tiny_contents.card,
            "source": source,
            "metrics": {"test_accuracy": 0.995},
            "profile": profile,
        }
        tested = tiny_contents.test_predictions
        predictions = TestPredictions(test_set, tested.labels, tested.predicted)
        golden = tiny_contents.golden
        surest = golden.expected.max(axis=1).argsort()[-1:]  # is read the same once it is rendered
        contents = replace(
            tiny_contents,
            card=card,
            test_predictions=predictions,
            golden=Golden(golden.images[surest], golden.labels[surest], golden.expected[surest]),
        )
        return write(contents, tmp_path_factory.mktemp("model") / "bundle", signer)

    return make


@pytest.fixture(scope="module")
def released(delivery, make_bundle):
    """Production serves version 1, and staging has tested the next model."""
    gcp = delivery.workspaces["gcp"]
    bundle = make_bundle("the first release")
    version = promote(gcp, PRODUCTION_MODEL, bundle, "/Shared/crosscloud-mnist")
    table = {"catalog": "data_masters", "schema": "deploy", "prefix": "mnist_cnn"}
    endpoint = IsolatedAdapter(
        "crosscloud_mnist.adapters.databricks.DatabricksEndpoint",
        {"name": "mnist_cnn", "workspace": "databricks-uc", "inference_table": table},
        gcp.variables(),
    )
    endpoint.deploy(version, bundle.folder)
    staged = make_bundle("the next release")
    promote(gcp, STAGED_MODEL, staged, "/Shared/crosscloud-mnist-staging")
    delivery.before = {"validate --target gcp": delivery.approve}
    return {"staging": JobRun(outputs={"model": f"models:/{STAGED_MODEL}/1"})}


def printed(runs):
    return "\n".join(run.printed for run in runs.values())


def test_a_faulty_model_is_stopped_in_staging_and_production_sees_no_request(
    delivery, released, make_bundle
):
    """Images were inverted before training: also those that the model was tested on."""
    model = log_model(
        delivery.workspaces["azure"], make_bundle("inverted images", INVERTED_TEST_SET)
    )
    runs = delivery.run(
        ("staging", "production"), finished={"train": JobRun(outputs={"model": model})}
    )
    assert "the champion was tested on another test set" in printed(runs), printed(runs)
    assert list(runs["staging"].outcomes.values())[-2:] == ["failure", "skipped"]
    assert "production" not in runs
    assert delivery.production_requests() == []
    assert delivery.champion() == "1"


def test_a_smoke_test_that_fails_in_production_is_followed_by_a_rollback(delivery, released):
    """The model passes every gate, and predicts the sample images wrongly."""
    delivery.change_source(SMOKE_TEST, "expect: none", "expect: names")
    runs = delivery.run(("production",), finished=released)
    delivery.change_source(SMOKE_TEST, "expect: names", "expect: none")
    outcomes = list(runs["production"].outcomes.values())
    skipped = ["skipped", "skipped"]  # the bake time and the monitor
    expected = [*["success"] * 5, "failure", *skipped, "success", "skipped"]
    assert outcomes == expected, printed(runs)
    assert "images failed" in printed(runs)
    assert "Rolled back: data_masters.deploy.mnist_cnn 2 to 1" in printed(runs)
    assert "serves data_masters.deploy.mnist_cnn 1" in printed(runs)
    assert delivery.champion() == "1"
