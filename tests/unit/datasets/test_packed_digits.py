"""Digits in one file: the same arrays as from four files, their own name, one line if broken."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile

import numpy as np
import pytest
from kedro.io import DatasetError

from crosscloud_mnist.datasets.mnist import MnistDataset
from crosscloud_mnist.datasets.mnist_files import FILES
from crosscloud_mnist.datasets.packed_digits import read_packed
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.pipelines.ingest_mnist.nodes import decode
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract

COUNT = 70
NO_DIGESTS = dict.fromkeys(FILES, "")  # so that nothing is MNIST
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 784)).astype(np.uint8)
LABELS = (np.arange(COUNT) % 10).astype(np.uint8)
HEADER = ",".join(["label", *(f"pixel{index}" for index in range(784))])
IMAGES = PIXELS.reshape(-1, 28, 28)
ARRAYS = (IMAGES[:60], LABELS[:60], IMAGES[60:], LABELS[60:])  # training and test set
ROWS = [",".join(map(str, [label, *row])) for label, row in zip(LABELS, PIXELS, strict=True)]


def write_csv(folder, header=HEADER, rows=ROWS, name="train.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows, ""]))
    return folder


def write_npz(folder, **changes):
    folder.mkdir(exist_ok=True)
    arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), ARRAYS, strict=True))
    np.savez_compressed(folder / "mnist.npz", **{**arrays, **changes})
    return folder


def write_idx(folder, **changes):
    folder.mkdir(exist_ok=True)
    for name, array in {**dict(zip(FILES, ARRAYS, strict=True)), **changes}.items():
        (folder / name).write_bytes(idx.encode(array))
    return folder


def load(folder, sha256=NO_DIGESTS, **options):
    return MnistDataset(sha256=sha256, cache="absent", folder=str(folder), **options).load()


def digests(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_every_form_of_the_same_digits_gives_the_same_files(tmp_path):
    raw = load(write_csv(tmp_path / "csv"))
    assert raw.source == str(tmp_path / "csv" / "train.csv")
    arrays = [idx.decode(raw.files[name], name) for name in FILES]
    names = ("x_train", "y_train", "x_test", "y_test")
    assert (
        load(write_npz(tmp_path / "npz", **dict(zip(names, arrays, strict=True)))).files
        == raw.files
    )
    for name, content in raw.files.items():  # as Kaggle unpacks them
        file = name.replace("-idx", ".idx")
        (tmp_path / "kaggle" / file).mkdir(parents=True)
        (tmp_path / "kaggle" / file / file).write_bytes(content)
    assert load(tmp_path / "kaggle", digests(raw.files)).files == raw.files


def test_the_test_set_of_a_csv_is_a_stratified_part_of_it_and_stays_the_same(tmp_path):
    training, test, origin = decode(load(write_csv(tmp_path)), mnist_contract())
    assert origin["dataset"] == "kaggle-digit-recognizer"
    assert np.bincount(test[1]).tolist() == [1] * 10
    assert np.bincount(training[1]).tolist() == [6] * 10
    rows = {bytes(row): label for row, label in zip(PIXELS, LABELS, strict=True)}
    for images, labels in (training, test):
        for image, label in zip(images, labels, strict=True):
            assert rows.pop(image.tobytes()) == label
    assert not rows
    assert load(tmp_path).files == load(write_csv(tmp_path)).files


def test_the_digests_decide_whether_it_is_mnist(tmp_path, caplog):
    folder = write_npz(tmp_path)
    files = read_packed(folder / "mnist.npz").files
    raw = load(folder, digests(files))
    assert (raw.dataset, raw.files) == ("mnist", files)
    assert not caplog.text
    assert load(folder).dataset == "keras-npz"
    assert "holds other digits than MNIST's: the run is tagged dataset=keras-npz" in caplog.text


def test_other_digits_are_rejected_where_mnist_is_required(tmp_path, raises_cause):
    with raises_cause(DataError, "holds other digits than MNIST's .*set require_mnist to false"):
        load(write_npz(tmp_path), require_mnist=True)


def test_a_file_in_the_cache_is_used_before_the_mirrors(tmp_path):
    dataset = MnistDataset(
        sha256=NO_DIGESTS,
        cache=str(write_csv(tmp_path)),
        mirrors=["http://127.0.0.1:9"],
    )
    assert dataset.load().dataset == "kaggle-digit-recognizer"


def replace_row(row):
    return [*ROWS[:-1], row]


OBJECTS = np.array([{}] * 60, object)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda f: write_csv(f, rows=replace_row("7" + ",0" * 783)),
            "Expected 785 columns, got 784",
        ),
        (
            lambda f: write_csv(f, rows=replace_row("7" + ",0" * 783 + ",256")),
            "column pixel783: .*256",
        ),
        (lambda f: write_csv(f, rows=replace_row("seven" + ",0" * 784)), "column label: .*'seven'"),
        (
            lambda f: write_csv(f, rows=replace_row("10" + ",0" * 784)),
            "train.csv: label 10 has one image",
        ),
        (
            lambda f: write_csv(f, rows=replace_row("7" + ",0" * 785)),
            "Expected 785 columns, got 786",
        ),
        (lambda f: write_csv(f, rows=ROWS[:9]), "label 0 has one image"),
        (
            lambda f: write_csv(f, HEADER[6:], [row.partition(",")[2] for row in ROWS]),
            "has no column label, .*test.csv has no labels; put its train.csv there",
        ),
        (
            lambda f: write_csv(f, name="test.csv"),
            "expected it there .*or one of mnist.npz, train.csv",
        ),
        (
            lambda f: write_npz(f, y_train=LABELS[:61]),
            r"mnist.npz: y_train: holds values of shape \(61,\), expected one label for each",
        ),
        (lambda f: write_npz(f, y_test=LABELS[60:] + 1), "mnist.npz: y_test: labels reach 10"),
        (
            lambda f: write_npz(f, x_train=PIXELS[:60, 1:]),
            r"x_train: holds values of shape \(60, 783\)",
        ),
        (
            lambda f: write_csv(
                f, HEADER.removesuffix(",pixel783"), [row.rpartition(",")[0] for row in ROWS]
            ),
            r"train.csv: holds values of shape \(60, 783\), expected images of 28 x 28",
        ),
        (lambda f: write_npz(f, x_train=PIXELS[:60] / 255), "x_train holds float64"),
        (
            lambda f: write_idx(f, **{"train-labels-idx1-ubyte": LABELS[:61]}),
            r"/train-labels-idx1-ubyte: holds values of shape \(61,\), expected one label for each",
        ),
        (
            lambda f: write_idx(f, **{"t10k-labels-idx1-ubyte": LABELS[60:] + 1}),
            "/t10k-labels-idx1-ubyte: labels reach 10, expected labels 0 to 9",
        ),
        (
            lambda f: write_idx(f, **{"t10k-images-idx3-ubyte": PIXELS[60:, 1:]}),
            r"/t10k-images-idx3-ubyte: holds values of shape \(10, 783\)",
        ),
        (lambda f: write_npz(f, y_train=OBJECTS), "y_train holds pickled Python objects"),
    ],
)
def test_a_broken_form_is_one_line(tmp_path, write, message):
    folder = write(tmp_path / "form")
    with pytest.raises((DataError, DatasetError), match=message) as raised:
        decode(load(folder), mnist_contract())
    error = raised.value if isinstance(raised.value, DataError) else raised.value.__cause__
    assert isinstance(error, DataError)
    assert "\n" not in str(error)
    assert "expected" in str(error)


def truncate(content):
    return content[:-40]


def replace_by_pickle(content):
    return pickle.dumps({"x_train": [1]})


def remove_array(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()[:3]}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, each in kept.items():
            archive.writestr(name, each)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "cannot be read .*expected a complete archive"),
        (replace_by_pickle, "not a zip file"),
        (remove_array, "expected x_train, y_train, x_test, y_test"),
    ],
)
def test_a_broken_archive_is_one_line(tmp_path, damage, message, raises_cause):
    path = write_npz(tmp_path) / "mnist.npz"
    path.write_bytes(damage(path.read_bytes()))
    with raises_cause(DataError, message):
        load(tmp_path)
