"""The model to promote is always named."""

from __future__ import annotations

import pytest

from crosscloud_mnist.datasets.model_uri import LAST_TRAINED, ModelUriDataset
from crosscloud_mnist.errors import ConfigurationError

URI = "models:/m-0123456789abcdef"


def test_the_uri_that_is_given_precedes_the_saved_one(tmp_path):
    path = str(tmp_path / "uri.txt")
    ModelUriDataset(filepath=path).save("models:/m-other")
    assert ModelUriDataset(filepath=path, given=URI).load() == URI


def test_the_uri_that_train_saved_is_loaded_if_last_trained_is_given(tmp_path, raises_cause):
    path = str(tmp_path / "folder" / "uri.txt")
    dataset = ModelUriDataset(filepath=path, given=LAST_TRAINED)
    with raises_cause(ConfigurationError, "run kedro run --pipelines train"):
        dataset.load()
    dataset.save(URI)
    assert dataset.load() == URI


@pytest.mark.parametrize("given", [None, ""])  # a job's parameter that was left empty is text
def test_loading_fails_if_no_uri_is_given(given, tmp_path, raises_cause):
    path = str(tmp_path / "uri.txt")
    dataset = ModelUriDataset(filepath=path, given=given)
    dataset.save(URI)
    with raises_cause(ConfigurationError, "--params register_remote.model=models:/m-"):
        dataset.load()
