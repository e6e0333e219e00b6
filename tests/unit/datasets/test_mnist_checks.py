"""Whether ``doctor`` finds MNIST, and where it is required."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from crosscloud_mnist.datasets.mnist_checks import MnistChecks
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.ports import Check

TRAINS = [Check("environment", "signing key", "passed", "a pair")]
SERVES = [Check("environment", "signing key", "information", "none")]
DEAD_MIRROR = "http://127.0.0.1:9/mnist"


@pytest.fixture
def folder(tmp_path):
    """A folder with four files in the form of MNIST's."""
    for name, content in load_as_mnist().items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    return tmp_path


def check(tmp_path, earlier=TRAINS, *, folder=None, allow_uci_fallback=False):
    digests = {name: hashlib.sha256(each).hexdigest() for name, each in load_as_mnist().items()}
    checker = MnistChecks(
        sha256=digests,
        cache=str(tmp_path / "cache"),
        folder=folder and str(folder),
        mirrors=[DEAD_MIRROR],
        allow_uci_fallback=allow_uci_fallback,
    )
    (found,) = checker.check(earlier)
    return found


def test_the_four_published_files_pass(tmp_path, folder):
    assert check(tmp_path, folder=folder).status == "passed"


def test_a_broken_file_is_named(tmp_path, folder):
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    found = check(tmp_path, folder=folder)
    assert found.status == "failed"
    assert "t10k-labels" in found.found


def test_where_this_workspace_trains_mnist_must_be_had(tmp_path):
    found = check(tmp_path)
    assert (found.status, found.expected) == ("failed", "the four files")
    assert "MNIST_DIR" in found.remedy


def test_where_it_does_not_train_or_has_a_fallback_it_is_information(tmp_path):
    assert check(tmp_path, SERVES).status == "information"
    assert check(tmp_path, allow_uci_fallback=True).status == "information"
