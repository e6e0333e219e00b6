"""Whether ``doctor`` finds the configured data set, and where it is required."""

from __future__ import annotations

import gzip
import hashlib

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from crosscloud_mnist.datasets.data_checks import DataChecks
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.hooks.diagnosis import set_checked_data
from crosscloud_mnist.ports import Check

TRAINS = [Check("environment", "signing key", "passed", "a pair")]
SERVES = [Check("environment", "signing key", "information", "none")]
DEAD_MIRROR = "http://127.0.0.1:9/mnist"
MNIST = "crosscloud_mnist.datasets.mnist.MnistDataset"
CONTRACT = {
    "image_shape": [8, 10, 3],
    "image_content": "a colour",
    "classes": ["red", "blue"],
    "preprocessing": "resize",
}


@pytest.fixture
def folder(tmp_path):
    """A folder with four files in the form of MNIST's."""
    for name, content in load_as_mnist().items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    return tmp_path


@pytest.fixture
def colours(tmp_path):
    """The catalog's entry of a data set of one's own."""
    for name in ("train/red", "train/blue", "test/red", "test/blue"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    return {
        "type": "crosscloud_mnist.datasets.labelled_folder.LabelledFolderDataset",
        "folder": str(tmp_path),
        "name": "colours",
        "contract": CONTRACT,
    }


def check(dataset, earlier=TRAINS):
    (found,) = DataChecks(dataset=dataset).check(earlier)
    return found


def mnist(tmp_path, *, folder=None, allow_uci_fallback=False):
    digests = {name: hashlib.sha256(each).hexdigest() for name, each in load_as_mnist().items()}
    return {
        "type": MNIST,
        "sha256": digests,
        "cache": str(tmp_path / "cache"),
        "folder": folder and str(folder),
        "mirrors": [DEAD_MIRROR],
        "allow_uci_fallback": allow_uci_fallback,
    }


def test_the_four_published_files_pass(tmp_path, folder):
    found = check(mnist(tmp_path, folder=folder))
    assert (found.status, found.found) == ("passed", f"mnist in {folder}")


def test_a_broken_file_is_named(tmp_path, folder):
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    found = check(mnist(tmp_path, folder=folder))
    assert found.status == "failed"
    assert "t10k-labels" in found.found


def test_where_this_workspace_trains_mnist_must_be_had(tmp_path):
    found = check(mnist(tmp_path))
    assert (found.status, found.expected) == ("failed", "the four files")
    assert "MNIST_DIR" in found.remedy


def test_where_it_does_not_train_it_is_information(tmp_path):
    assert check(mnist(tmp_path), SERVES).status == "information"


def test_what_is_used_in_place_of_mnist_is_named(tmp_path):
    found = check(mnist(tmp_path, allow_uci_fallback=True))
    assert found.status == "passed"
    assert found.found.startswith("the UCI digits of scikit-learn")


def test_a_data_set_of_ones_own_is_checked_in_place_of_mnist(colours, tmp_path):
    found = check(colours)
    assert found.status == "passed"
    assert found.found.startswith(f"colours in {tmp_path}: 2 files in train")
    (tmp_path / "test" / "blue" / "1.png").unlink()
    missing = check(colours)
    assert missing.status == "failed"
    assert missing.found == f"{tmp_path}/test/blue holds no images"


def test_a_dataset_that_has_no_check_of_its_files_is_information():
    found = check({"type": "text.TextDataset", "filepath": "data.txt"})
    assert found.status == "information"
    assert found.found.startswith("TextDataset has no method find_source")


def test_the_entry_of_an_environment_is_checked_in_place_of_that_of_base(colours, tmp_path):
    entries = {
        "base": {
            "mnist": {"type": MNIST},
            "checkers": {"checkers": {"data": {"options": {"dataset": "${mnist}"}}}},
        },
        "own": {"mnist": colours},
    }
    for name, entry in entries.items():
        (tmp_path / "conf" / name).mkdir(parents=True)
        (tmp_path / "conf" / name / "catalog.yml").write_text(yaml.safe_dump(entry))
    loader = OmegaConfigLoader(
        str(tmp_path / "conf"), env="own", base_env="base", default_run_env="own"
    )
    set_checked_data(loader)
    options = loader["catalog"]["checkers"]["checkers"]["data"]["options"]
    assert options == {"dataset": colours}


def test_an_entry_that_cannot_be_built_fails_its_check_alone():
    (check,) = DataChecks(dataset={"type": "no.such.Dataset"}).check(TRAINS)
    assert (check.name, check.status) == ("data set", "failed")
    assert "no.such.Dataset" in check.found
