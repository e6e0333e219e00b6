"""Production is used, its requests arrive in the inference table, and ``monitor`` reads them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import onnxruntime
import pytest

from crosscloud_mnist.adapters.databricks import DatabricksEndpoint, UnityCatalogRegistry
from crosscloud_mnist.bundle import write
from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.monitoring import profile_images, profile_predictions
from crosscloud_mnist.ports import LedgerEntry
from crosscloud_mnist.promotion import record_and_move
from rehearsal.flow import PROJECT
from rehearsal.inference_table import table_folder
from rehearsal.processes import clean_environment
from rehearsal.production_traffic import send_test_images
from rehearsal.serving_switches import ServingSwitches, write_switches

pytestmark = pytest.mark.slow

NAME, ENDPOINT = "data_masters.deploy.mnist_cnn", "mnist_cnn"
TABLE_NAME = "data_masters.deploy.mnist_cnn_payload"  # as the shipped conf has it
TABLE = {"catalog": "data_masters", "schema": "deploy", "prefix": "mnist_cnn"}


def run_monitor(cloud, storage, verifying_key):
    """Run the pipeline as a task of gcp, on a session that has the inference table."""
    script = PROJECT / "rehearsal" / "wheel_task.py"
    session = {"spark.master": "local[1]", "spark.ui.enabled": "false"}
    tables = {TABLE_NAME: str(table_folder(cloud.folder, TABLE_NAME))}
    return subprocess.run(
        [
            *(sys.executable, "-P", script, "--spark", json.dumps(session)),
            *("--tables", json.dumps(tables), "--log", storage / "spark.log"),
            *("crosscloud_mnist", "crosscloud-mnist", "--pipelines=monitor", "--env=gcp"),
            f"--conf-source={PROJECT / 'conf'}",
        ],
        cwd=PROJECT,
        env={
            **clean_environment(),
            **cloud.variables(),
            "MNIST_STORAGE": str(storage),
            "MNIST_VERIFYING_KEY": str(verifying_key),
            "PYSPARK_PYTHON": sys.executable,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def champion(own_clouds, digits, tiny_contents, signer, tmp_path):
    """A version in gcp, with a profile of what it was trained for, and its bundle."""
    training = digits["train-images-idx3-ubyte"]
    predictions = onnxruntime.InferenceSession(tiny_contents.onnx).run(None, {"images": training})
    profile = {
        "inputs": profile_images(training),
        "predictions": profile_predictions(predictions[0]),
    }
    contents = replace(tiny_contents, card={**tiny_contents.card, "profile": profile})
    bundle = write(contents, tmp_path / "bundle", signer)
    registry = IsolatedAdapter(
        f"{UnityCatalogRegistry.__module__}.{UnityCatalogRegistry.__name__}",
        {"uri": "databricks-uc", "experiment": "/Shared/crosscloud-mnist"},
        own_clouds["gcp"].variables(),
    )
    version = registry.create_version(
        NAME, bundle.folder, digest=bundle.digest, tags={}, description=""
    )
    registry.tag_version(version, {"verified": bundle.digest})
    entry = LedgerEntry("promoted", NAME, "champion", version.version, bundle.digest)
    record_and_move(registry, version, entry)
    return version, bundle


def test_monitor_reads_the_table_that_the_shipped_conf_names(
    own_clouds, champion, digits, tmp_path, tmp_path_factory
):
    gcp = own_clouds["gcp"]
    write_switches(gcp.folder, ServingSwitches(max_changes=1000))
    version, bundle = champion
    endpoint = IsolatedAdapter(
        f"{DatabricksEndpoint.__module__}.{DatabricksEndpoint.__name__}",
        {"name": ENDPOINT, "workspace": "databricks-uc", "inference_table": TABLE},
        gcp.variables(),
    )
    endpoint.deploy(version, bundle.folder)
    test_images = digits["t10k-images-idx3-ubyte"], digits["t10k-labels-idx1-ubyte"]
    sandbox, production = tmp_path / "azure", tmp_path / "gcp"
    production.mkdir()
    path = sandbox / "05_model_input" / "test"
    ShardsDataset(path=str(path), shards=1, image_shape=(28, 28)).save(test_images)
    assert send_test_images(gcp, sandbox) == len(test_images[0])
    time.sleep(2 * ServingSwitches().log_delay_seconds)
    ended = run_monitor(gcp, production, tmp_path_factory.getbasetemp() / "keys" / "signing.pub")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads((production / "08_reporting" / "monitor.json").read_text())
    assert report["passed"]
    assert report["log"]["images"] >= len(test_images[0])
    assert report["log"]["served_entity"] != f"mnist_cnn-{version.version}"  # an opaque id
    assert "no drift" in ended.stdout
