"""Ingestion by Spark: the shards that executors write from parts on shared storage."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

from crosscloud_mnist.adapters.spark.ingest import SparkIngestor
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.datasets.shards import ShardsDataset
from crosscloud_mnist.errors import ConfigurationError, IdxError
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract

pytestmark = pytest.mark.spark

SPLITS = {"training": 4, "validation": 2, "test": 1}


@pytest.fixture(scope="module", autouse=True)
def spark():
    cluster = SparkCluster("local[2]", 1, conf={"spark.python.worker.reuse": "true"})
    with cluster.session(on_driver=False) as session:
        yield session


@pytest.fixture
def parts(digits, tmp_path):
    """The UCI digits as three parts for training and one for testing, sorted by label."""
    folder = tmp_path / "parts"
    folder.mkdir()
    images, labels = digits["train-images-idx3-ubyte"], digits["train-labels-idx1-ubyte"]
    order = np.argsort(labels, kind="stable")
    for number, chosen in enumerate(np.array_split(order, 3)):
        write(folder, f"part-{number}", images[chosen], labels[chosen])
    write(folder, "t10k", digits["t10k-images-idx3-ubyte"], digits["t10k-labels-idx1-ubyte"])
    return folder


def write(folder, name, images, labels):
    (folder / f"{name}-images-idx3-ubyte").write_bytes(idx.encode(images))
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx.encode(labels))


def ingest(parts, target, seed=0, fraction=0.1):
    targets = {name: {"path": str(target / name), "shards": n} for name, n in SPLITS.items()}
    card = SparkIngestor(master=None, targets=targets, contract=asdict(mnist_contract())).ingest(
        str(parts), fraction, seed
    )
    return card, {
        name: ShardsDataset(**entry, image_shape=(28, 28)).load() for name, entry in targets.items()
    }


def count_images(*sets):
    return Counter(
        (bytes(image), int(label))
        for images, labels in sets
        for image, label in zip(images, labels, strict=True)
    )


def test_every_image_is_written_once_with_its_label(parts, digits, tmp_path):
    card, sets = ingest(parts, tmp_path)
    published = {
        half: (digits[f"{half}-images-idx3-ubyte"], digits[f"{half}-labels-idx1-ubyte"])
        for half in ("train", "t10k")
    }
    assert count_images(sets["training"], sets["validation"]) == count_images(published["train"])
    np.testing.assert_array_equal(sets["test"][0], published["t10k"][0])
    np.testing.assert_array_equal(sets["test"][1], published["t10k"][1])
    total = len(published["train"][1])
    assert 0.05 * total < len(sets["validation"][1]) < 0.15 * total
    assert len(set(sets["training"][1][:40].tolist())) == 10  # mixed, though the parts are sorted
    for split, name in (("train", "training"), ("validation", "validation"), ("test", "test")):
        images, labels = sets[name]
        assert card["splits"][split]["images"] == len(labels)
        assert card["splits"][split]["per_class"] == np.bincount(labels, minlength=10).tolist()
        assert card["splits"][split]["mean_pixel"] == round(float(images.mean()), 3)
    for name, digest in card["files_sha256"].items():
        assert digest == hashlib.sha256((parts / name).read_bytes()).hexdigest()
    assert len(card["files_sha256"]) == 8


def test_the_same_seed_writes_the_same_shards_and_older_ones_are_removed(parts, tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "00000-of-00016-images-idx3-ubyte").touch()
    first, _ = ingest(parts, tmp_path, seed=1)
    assert len(list((tmp_path / "training").iterdir())) == 2 * SPLITS["training"]
    again, _ = ingest(parts, tmp_path, seed=1)
    other, _ = ingest(parts, tmp_path, seed=2)
    assert first == again
    assert first["splits"]["train"] != other["splits"]["train"]
    assert first["dataset_digest"] == other["dataset_digest"]


def cut_short(folder):
    path = folder / "part-1-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])


def label_eleven(folder):
    path = folder / "part-2-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")


def no_labels(folder):
    (folder / "part-0-labels-idx1-ubyte").unlink()


def no_test(folder):
    (folder / "t10k-images-idx3-ubyte").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_short, "part-1-images-idx3-ubyte: .* bytes of images and .* labels, expected"),
        (label_eleven, "part-2-labels-idx1-ubyte: labels reach 11, expected labels 0 to 9"),
        (no_labels, "part-0-labels-idx1-ubyte: No such file or directory, expected a readable"),
        (no_test, "found 3 parts, 0 of them for testing, expected some of each"),
    ],
)
def test_a_broken_part_is_named_in_one_line_before_anything_is_written(
    parts, tmp_path, damage, message
):
    damage(parts)
    with pytest.raises(IdxError, match=message) as raised:
        ingest(parts, tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "training").exists()


def test_a_shard_without_an_image_is_rejected(parts, tmp_path):
    with pytest.raises(ConfigurationError, match="would have no image"):
        ingest(parts, tmp_path, fraction=0.0)
