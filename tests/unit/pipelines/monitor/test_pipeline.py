"""Monitoring a version's log: test images pass, inverted images and a single digit do not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.validation import ParameterValidationError, ParameterValidator
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset

from crosscloud_mnist.adapters.mlflow.registry import MlflowRegistry
from crosscloud_mnist.bundle import write
from crosscloud_mnist.datasets.inference_log import InferenceLogDataset
from crosscloud_mnist.errors import BundleError, DataError, DriftError
from crosscloud_mnist.monitoring import profile_images, profile_predictions
from crosscloud_mnist.pipelines.monitor import create_pipeline
from crosscloud_mnist.pipelines.monitor.console import FORMATTERS
from crosscloud_mnist.pipelines.monitor.parameters import MonitorParameters
from crosscloud_mnist.ports import LedgerEntry
from crosscloud_mnist.promotion import ProductionModel, record_and_move

NAME, ALIAS = "mnist_cnn", "champion"


pytestmark = pytest.mark.slow


class Production:
    """A registry whose champion knows what it was trained for, and the log of its endpoint."""

    def __init__(self, folder, contents, signer, verifier, training):
        self.folder, self.verifier = folder, verifier
        self.session = onnxruntime.InferenceSession(contents.onnx)
        profile = {
            "inputs": profile_images(training),
            "predictions": profile_predictions(self.predict(training)),
        }
        card = {**contents.card, "profile": profile}
        self.registry = MlflowRegistry(uri=f"sqlite:///{folder}/mlflow.db", experiment="mnist")
        self.champion = self.register(replace(contents, card=card), signer)

    def register(self, contents, signer):
        bundle = write(contents, self.folder / "bundle", signer)
        arguments = {"digest": bundle.digest, "tags": {}, "description": ""}
        version = self.registry.create_version(NAME, bundle.folder, **arguments)
        self.registry.tag_version(version, {"verified": bundle.digest})
        entry = LedgerEntry("promoted", NAME, ALIAS, version.version, bundle.digest)
        record_and_move(self.registry, version, entry)
        return version

    def predict(self, images):
        return self.session.run(None, {"images": images})[0]

    def log(self, images, *, key="instances", entity=f"{NAME}-1", more=False):
        """Write what an endpoint logs that is sent the images, four in a request."""
        folder = self.folder / "log"
        if not more:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        rows = [
            {
                "request_date": "2026-01-02",
                "databricks_request_id": f"{entity}/{start}",
                "client_request_id": None,
                "request_time": f"2026-01-0{3 if more else 2}T03:04:{start % 60:02d}.000Z",
                "status_code": 200,
                "sampling_fraction": 1.0,
                "execution_duration_ms": 1,
                "request": json.dumps({key: part.tolist()}),
                "response": json.dumps({"predictions": self.predict(part).tolist()}),
                "served_entity_id": entity,
                "logging_error_codes": [],
                "requester": "somebody",
            }
            for start in range(0, len(images), 4)
            for part in [images[start : start + 4]]
        ]
        rejected = {"status_code": 400, "response": '{"error_code": "BAD_REQUEST"}'}
        too_large = {"request": None, "logging_error_codes": ["MAX_REQUEST_SIZE_EXCEEDED"]}
        rows += [{**rows[0], **rejected, "databricks_request_id": f"{entity}/rejected"}]
        rows += [{**rows[0], **too_large, "databricks_request_id": f"{entity}/too-large"}]
        lines = "".join(json.dumps(row) + "\n" for row in [*rows, rows[0]])  # delivered twice
        (folder / f"{entity}.jsonl").write_text(
            lines + '{"request_date": "2026-01-'
        )  # being written

    def monitor(self, *, require_minimum_images=True):
        inputs = {
            "serving_registry": self.registry,
            "verifier": self.verifier,
            "params:production": ProductionModel(NAME, ALIAS),
            "params:monitor": MonitorParameters(
                threshold=0.25, minimum_images=100, require_minimum_images=require_minimum_images
            ),
        }
        catalog = DataCatalog(
            {
                **{k: MemoryDataset(value, copy_mode="assign") for k, value in inputs.items()},
                "inference_log": InferenceLogDataset(source=str(self.folder / "log")),
                "monitor_report": JSONDataset(filepath=str(self.folder / "monitor.json")),
                "drift_figure": MatplotlibDataset(filepath=str(self.folder / "monitor.png")),
            }
        )
        SequentialRunner().run(create_pipeline(), catalog)

    def report(self):
        assert (self.folder / "monitor.png").stat().st_size > 10_000
        return json.loads((self.folder / "monitor.json").read_text())


@pytest.fixture(scope="module")
def test_images(digits):
    return digits["t10k-images-idx3-ubyte"]


@pytest.fixture(scope="module")
def production(tmp_path_factory, tiny_contents, signer, verifier, digits):
    folder = tmp_path_factory.mktemp("production")
    training = digits["train-images-idx3-ubyte"]
    return Production(folder, tiny_contents, signer, verifier, training)


def test_parameters_are_typed():
    validator = ParameterValidator({"monitor": create_pipeline()})
    values = {"threshold": 0.25, "minimum_images": 100, "require_minimum_images": True}
    (parameters,) = validator.validate_raw_params({"monitor": values}).values()
    assert parameters == MonitorParameters(**values)
    for name, value in (("threshold", 0), ("minimum_images", "many"), ("treshold", 1)):
        with pytest.raises(ParameterValidationError, match=name):
            validator.validate_raw_params({"monitor": {**values, name: value}})


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_the_log_of_test_images_passes(production, test_images, key):
    production.log(test_images, key=key)
    production.monitor()
    report = production.report()
    assert report["passed"]
    assert report["log"]["images"] == len(test_images)
    assert (report["log"]["rejected"], report["log"]["unreadable"]) == (1, 1)
    assert report["log"]["served_entity"] == "mnist_cnn-1"
    assert {row["statistic"] for row in report["predictions"]} == {"classes", "confidence"}


@pytest.mark.parametrize("entities", [("mnist_cnn-0", "mnist_cnn-1"), ("7f3a", "91bc")])
def test_predictions_of_another_version_do_not_count(production, test_images, entities):
    """Local entities name their version; of Databricks' opaque ids it is the newest."""
    production.log(255 - test_images, entity=entities[0])
    production.log(test_images, entity=entities[1], more=True)
    production.monitor()
    log = production.report()["log"]
    assert (log["served_entity"], log["images"]) == (entities[1], len(test_images))
    assert log["other_models"] > 0


def test_the_log_of_inverted_images_fails_and_says_what_drifted(production, test_images):
    production.log(255 - test_images)
    with pytest.raises(DriftError, match=r"inputs drifted: .*mean_intensity \(PSI") as raised:
        production.monitor()
    assert "\n" not in str(raised.value)
    report = production.report()
    assert not report["passed"]
    drifted = {row["statistic"] for row in report["inputs"] if row["drifted"]}
    assert drifted >= {
        "mean_intensity",
        "foreground_share",
        "height",
        "width",
        "intensities",
        "positions",
    }
    assert all(row["statistic"] in str(raised.value) for row in report["inputs"] if row["drifted"])


def test_one_digit_alone_is_drift_of_predictions(production, test_images):
    predicted = production.predict(test_images).argmax(axis=1)
    commonest = np.bincount(predicted).argmax()
    same = test_images[predicted == commonest]
    production.log(np.concatenate([same] * (1 + 200 // len(same))))
    with pytest.raises(DriftError, match="predictions drifted: .*classes"):
        production.monitor()


def test_a_log_that_is_too_short_or_no_log_is_named(production, test_images, tmp_path):
    with pytest.raises(DatasetError, match="holds no inference log"):
        InferenceLogDataset(source=str(tmp_path)).load()
    production.log(test_images[:80])
    with pytest.raises(DataError, match="holds 80 images in 22 requests"):
        production.monitor()
    (production.folder / "log" / "b.jsonl").write_text('{"status_code": 200}\n')
    with pytest.raises(DatasetError, match=r"b\.jsonl is not an inference log"):
        InferenceLogDataset(source=str(production.folder / "log")).load()


def test_too_few_images_give_no_verdict_where_they_are_no_failure(production, test_images):
    """After a release that few have called yet, a job must tell that from drift."""
    production.log(255 - test_images[:80])
    production.monitor(require_minimum_images=False)
    report = json.loads((production.folder / "monitor.json").read_text())
    assert (report["conclusive"], report["passed"]) == (False, False)
    assert report["log"]["images"] == 80
    assert report["inputs"] == report["predictions"] == []
    assert list(FORMATTERS["monitor_report"](report)) == [
        "Monitor of 80 images: too few for a verdict"
    ]


def test_drift_is_a_failure_also_where_too_few_images_are_none(production, test_images):
    production.log(255 - test_images)
    with pytest.raises(DriftError, match="inputs drifted"):
        production.monitor(require_minimum_images=False)
    assert production.report()["conclusive"]


def test_a_bundle_without_a_profile_is_named(production, tiny_contents, signer, test_images):
    production.register(tiny_contents, signer)
    production.log(test_images)
    with pytest.raises(BundleError, match="2 carries no profile"):
        production.monitor()
    production.registry.set_alias(production.champion, ALIAS)
