"""Shared fixtures: small digits, a training job, a key pair, a small bundle, two workspaces."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosscloud_mnist.bundle import (
    Bundle,
    BundleContents,
    Examples,
    LabelledPredictions,
    ModelCard,
    Signer,
    TestPredictions,
    Verifier,
    predict,
    write,
)
from crosscloud_mnist.contract import Contract
from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.monitoring import measure_calibration
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.storage import idx
from crosscloud_mnist.storage.data_card import SplitCard
from crosscloud_mnist.training.config import TrainingConfig
from crosscloud_mnist.training.job import Shard, TrainingJob
from rehearsal.dense_bundle import dense_contents
from rehearsal.identity_provider import IdentityProvider
from rehearsal.mlflow_servers import Server, two_servers
from rehearsal.mnist_contract import mnist_contract
from rehearsal.package import Package, provide_package
from rehearsal.workspace_process import WorkspaceProcess

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell's background job ignores Ctrl-C, and so would each command that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def digits() -> Mapping[str, NDArray[np.uint8]]:
    """The UCI digits under the names of MNIST's files."""
    return {name: idx.decode(content, name) for name, content in load_as_mnist().items()}


@pytest.fixture(scope="session")
def contract() -> Contract:
    """MNIST's contract."""
    return mnist_contract()


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """Chromium without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options, service)
    browser.set_window_size(1100, 900)
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def job(
    digits: Mapping[str, NDArray[np.uint8]],
    contract: Contract,
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainingJob:
    """Two short epochs of the baseline; the test half is used for validation."""
    folder = tmp_path_factory.mktemp("shards")

    def write_shards(half: str) -> tuple[Shard, ...]:
        images_and_labels = digits[f"{half}-images-idx3-ubyte"], digits[f"{half}-labels-idx1-ubyte"]
        options = {"path": str(folder / half), "shards": 4, "image_shape": contract.image_shape}
        ShardsDataset(**options).save(images_and_labels)
        return ShardsDataset(**options, handles=True).load()

    return TrainingJob(
        config=TrainingConfig(
            model="baseline",
            optimizer="adam",
            learning_rate=0.001,
            schedule="constant",
            epochs=2,
            steps_per_epoch=4,
            global_batch_size=64,
            precision="float32",
            augment=False,
            seed=3,
        ),
        contract=contract,
        train=write_shards("train"),
        validation=write_shards("t10k"),
        checkpoint_dir=str(folder / "records"),
    )


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    keys = tmp_path_factory.getbasetemp() / "keys"
    return Signer(str(keys / "signing.pem"), str(keys / "signing.pub"), generate=True)


@pytest.fixture(scope="session")
def verifier(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    return Verifier(str(tmp_path_factory.getbasetemp() / "keys" / "signing.pub"))


@pytest.fixture(scope="session")
def tiny_contents(digits: Mapping[str, NDArray[np.uint8]]) -> BundleContents:
    """A graph of one dense layer with fixed weights; its golden labels are its own predictions."""
    test_labels = digits["t10k-labels-idx1-ubyte"]
    predicted = test_labels.copy()
    predicted[:7] = (predicted[:7] + 1) % 10  # 7 of 360 wrong
    return dense_contents(
        digits["t10k-images-idx3-ubyte"][:8],
        TestPredictions("ef" * 32, test_labels, predicted),
        {
            "dataset": "uci-digits",
            "dataset_digest": "ab" * 32,
            "source": "scikit-learn",
            "git_commit": "cd" * 20,
            "lock_digest": "12" * 32,
            "metrics": {"test_accuracy": 0.98, "test_loss": 0.1, "test_images": 360},
        },
    )


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_contents: BundleContents, signer: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Bundle:
    """A signed bundle; tests copy it before they change it."""
    return write(tiny_contents, tmp_path_factory.mktemp("bundle") / "bundle", signer)


@pytest.fixture(scope="session")
def reported_contents(
    tiny_contents: BundleContents, tiny_bundle: Bundle, digits: Mapping[str, NDArray[np.uint8]]
) -> BundleContents:
    """The same with what training records for the report."""
    images, labels = digits["t10k-images-idx3-ubyte"][:20], digits["t10k-labels-idx1-ubyte"][:20]
    probabilities = predict(tiny_bundle, images)
    split: SplitCard = {
        "images": 20,
        "per_class": [2] * 10,
        "mean_pixel": 33.25,
        "sha256": "ab" * 32,
    }
    epoch = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9, "seconds": 1.5}
    card: ModelCard = {
        **tiny_contents.card,
        "settings": {"model": "baseline", "epochs": 2},
        "worker_reports": [{"rank": 0, "images": 1234}],
        "libraries": {"keras": "3.15.0"},
        "splits": {"train": split, "validation": split, "test": split},
        "history": [{**epoch, "epoch": number} for number in (1, 2)],
        "calibration": measure_calibration(probabilities, labels),
        "run": {"id": "run-1", "url": "https://sandbox/runs/run-1"},
    }
    examples = Examples(
        samples=LabelledPredictions(images[:4], labels[:4], probabilities[:4]),
        mistakes=LabelledPredictions(images[4:6], labels[4:6], probabilities[4:6]),
    )
    return replace(tiny_contents, card=card, examples=examples)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The wheel and the conf archive of this project, built once for all processes of pytest."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of the processes' own folders
    with (folder / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return provide_package(folder / "package")


@pytest.fixture(scope="session")
def identity_provider() -> Iterator[IdentityProvider]:
    """The issuer of the ID tokens of CI jobs."""
    with IdentityProvider.running() as provider:
        yield provider


def run_clouds(
    tmp_path_factory: pytest.TempPathFactory, identity_provider: IdentityProvider
) -> Iterator[dict[str, WorkspaceProcess]]:
    """Run two Databricks workspaces on loopback, ``azure`` and ``gcp``."""
    folder = tmp_path_factory.mktemp("clouds")
    with ThreadPoolExecutor() as pool:
        started = {
            name: pool.submit(
                WorkspaceProcess.start,
                *(name, workspace_id, folder / name),
                issuer=identity_provider.issuer,
            )
            for name, workspace_id in (("azure", "1111"), ("gcp", "2222"))
        }
    running = {name: start.result() for name, start in started.items() if not start.exception()}
    try:
        yield {name: start.result() for name, start in started.items()}
    finally:
        for workspace in running.values():
            workspace.stop()


# Many modules share these: each uses names of its own in them.
clouds = pytest.fixture(scope="session", name="clouds")(run_clouds)
# For a module that releases under the names of the shipped configuration.
own_clouds = pytest.fixture(scope="module", name="own_clouds")(run_clouds)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two MLflow servers with passwords, the sandbox and production."""
    with two_servers(tmp_path_factory.mktemp("servers")) as both:
        yield both


@pytest.fixture(scope="session")
def register_remote_parameters() -> Callable[..., RegisterRemoteParameters]:
    """Return a function that makes the parameters, with a bundle cache of its own."""

    def make(bundle_cache: Path, **changed: Any) -> RegisterRemoteParameters:
        values = {
            "model": None,
            "digest": None,
            "require_other_workspace": True,
            "challenger_alias": "challenger",
            "minimum_accuracy": 0.9,
            "significance": 0.05,
            "require_same_test_set": True,
            "approval_tag": None,
            "bundle_cache": bundle_cache,
            "remove_version": None,
            "orphan_ttl_seconds": 3600,
        }
        return RegisterRemoteParameters(**{**values, **changed})

    return make
