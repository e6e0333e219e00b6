"""``ingest_mnist``: the split, the data card, and files that do not belong together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset
from pydantic import ValidationError

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.datasets.mnist_files import FILES
from crosscloud_mnist.datasets.raw_digits import RawDigits
from crosscloud_mnist.datasets.uci_digits import load_as_mnist
from crosscloud_mnist.errors import ConfigurationError, DataError
from crosscloud_mnist.pipelines.ingest_mnist import create_pipeline
from crosscloud_mnist.pipelines.ingest_mnist.nodes import decode, split
from crosscloud_mnist.pipelines.ingest_mnist.parameters import IngestMnistParameters
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = FILES


@pytest.fixture(scope="module")
def raw():
    return RawDigits("uci-digits", "scikit-learn", load_as_mnist())


@pytest.mark.slow
def test_the_pipeline_returns_the_split_the_data_card_and_the_sample_grid(raw, tmp_path):
    parameters = {
        "params:ingest_mnist": IngestMnistParameters(0.1, 0),
        "params:contract": mnist_contract(),
    }
    card_file = tmp_path / "card.json"
    catalog = DataCatalog(
        {name: MemoryDataset(value) for name, value in {"mnist": raw, **parameters}.items()}
        | {"data_card": JSONDataset(filepath=str(card_file))}
    )
    outputs = SequentialRunner().run(create_pipeline(), catalog)
    card = json.loads(card_file.read_text())
    assert [card["splits"][name]["images"] for name in ("train", "validation", "test")] == [
        1293,
        144,
        360,
    ]
    assert sum(card["splits"]["test"]["per_class"]) == 360
    assert card["files_sha256"][IMAGES] == hashlib.sha256(raw.files[IMAGES]).hexdigest()
    assert len(outputs["sample_grid"].load().axes) == 120


def test_the_split_is_stratified_seeded_and_keeps_every_image(raw):
    training, _, _ = decode(raw, mnist_contract())
    (kept, kept_labels), (aside, aside_labels) = split(training, IngestMnistParameters(0.1, 0))
    again = split(training, IngestMnistParameters(0.1, 0))
    np.testing.assert_array_equal(kept, again[0][0])
    assert not np.array_equal(kept, split(training, IngestMnistParameters(0.1, 1))[0][0])
    shares = np.bincount(aside_labels) / np.bincount(training[1])
    assert (abs(shares - 0.1) < 0.01).all()
    together = sorted(map(bytes, np.concatenate([kept, aside])))
    assert together == sorted(map(bytes, training[0]))
    assert len(kept_labels) + len(aside_labels) == len(training[1])


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (IMAGES, np.zeros((5, 27, 28), np.uint8), "expected images"),
        (IMAGES, np.zeros(5, np.uint8), "files are not swapped"),
        (LABELS, np.zeros(5, np.uint8), "expected one label for each"),
        (TEST_LABELS, np.full(360, 10, np.uint8), "labels reach 10, expected labels 0 to 9"),
    ],
)
def test_files_that_do_not_belong_together_are_rejected(raw, name, array, message):
    files = {**raw.files, name: idx.encode(array)}
    with pytest.raises(DataError, match=message) as raised:
        decode(RawDigits("mnist", "here", files), mnist_contract())
    assert str(raised.value).startswith(name)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, "half"])
def test_a_validation_fraction_out_of_range_is_rejected(fraction):
    with pytest.raises(ValidationError, match="validation_fraction"):
        IngestMnistParameters(validation_fraction=fraction, seed=0)


@pytest.mark.parametrize(
    ("labels", "fraction", "message"),
    [
        ([0, 0, 1, 1, 1, 7], 0.5, "the training set: label 7 has one image, expected at least two"),
        ([0, 0, 1, 1, 2, 2], 0.1, "6 images of 3 labels are too few for a validation set of 10%"),
        ([0, 0, 1, 1, 2, 2], 0.9, "6 images of 3 labels are too few for a validation set of 90%"),
    ],
)
def test_too_few_images_for_a_split_are_one_line(labels, fraction, message):
    training = np.zeros((len(labels), 28, 28), np.uint8), np.array(labels, np.uint8)
    with pytest.raises(DataError, match=message) as raised:
        split(training, IngestMnistParameters(fraction, 0))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("stored", [(6, 4, 15), (6, 4, 5, 3)])
def test_colour_images_are_read_in_the_contracts_shape(stored):
    images = np.random.default_rng(0).integers(0, 256, stored).astype(np.uint8)
    labels = np.arange(6, dtype=np.uint8) % 2
    content = {
        name: idx.encode(images if name in (IMAGES, TEST_IMAGES) else labels) for name in FILES
    }
    contract = Contract((4, 5, 3), "a colour", ("red", "green"), "resize")
    (read, _), _, _ = decode(RawDigits("colours", "here", content), contract)
    np.testing.assert_array_equal(read, images.reshape(6, 4, 5, 3))


def test_preprocessing_that_does_not_fit_the_contract_is_found_before_training(raw):
    contract = replace(mnist_contract(), preprocessing="no.module.function")
    with pytest.raises(
        ConfigurationError, match=r"preprocessing is no.module.function: there is no"
    ):
        decode(raw, contract)
