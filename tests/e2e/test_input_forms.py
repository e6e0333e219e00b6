"""Digits in every form that people have them in, from ingestion to a release."""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import select
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from crosscloud_mnist.datasets.mnist_files import FILES
from crosscloud_mnist.storage import idx
from rehearsal.processes import clean_environment

pytestmark = pytest.mark.slow

SHORT = "train_distributed.mode=single,train_distributed.settings.epochs=1"
COMMAND_SECONDS = 240
ARRAYS = dict(zip(FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True))
PIXELS = [f"pixel{index}" for index in range(28 * 28)]


class Commands:
    """The commands of one project, in one process."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("commands_process.py"))],
            cwd=folder,
            env={**clean_environment(), "PWD": str(folder), "TF_CPP_MIN_LOG_LEVEL": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, pipeline: str, *arguments: str, **variables: object) -> tuple[int, str]:
        """Return the exit status and what was printed."""
        values = {name: str(value) for name, value in variables.items()}
        json.dump([["--pipelines", pipeline, *arguments], values], self._process.stdin)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        has_ended, _, _ = select.select([self._process.stdout], [], [], COMMAND_SECONDS)
        assert has_ended, f"{pipeline} took over {COMMAND_SECONDS} s"
        return json.loads(self._process.stdout.readline())

    def succeed(self, pipeline: str, *arguments: str, **variables: object) -> str:
        """Return what was printed."""
        status, output = self.run(pipeline, *arguments, **variables)
        assert status == 0, output
        return output

    def fail(self, pipeline: str, *arguments: str, **variables: object) -> str:
        """Return the one line that says why the command failed."""
        status, output = self.run(pipeline, *arguments, **variables)
        assert status == 1, output
        assert "Traceback" not in output
        message = output.partition("Error: ")[2].strip()
        assert "\n" not in message
        return message

    def end(self) -> None:
        """Let the process end by itself, or kill it."""
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def commands(project, digits):
    """Commands of a project whose environment ``strict`` takes these digits for MNIST."""
    sha256 = {name: hashlib.sha256(idx.encode(each)).hexdigest() for name, each in digits.items()}
    (project.folder / "conf" / "strict").mkdir()
    (project.folder / "conf" / "strict" / "globals.yml").write_text(
        yaml.safe_dump({"require_mnist": True, "mnist_sha256": sha256})
    )
    commands = Commands(project.folder)
    yield commands
    commands.end()


def write_plain(digits, folder):
    for name, array in digits.items():
        (folder / name).write_bytes(idx.encode(array))


def write_compressed(digits, folder):
    for name, array in digits.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx.encode(array), compresslevel=1))


def write_kaggle_names(digits, folder):
    for name, array in digits.items():
        (folder / name.replace("-idx", ".idx")).write_bytes(idx.encode(array))


def write_kaggle_folders(digits, folder):
    for name, array in digits.items():
        (folder / name).mkdir()
        (folder / name / name.replace("-idx", ".idx")).write_bytes(idx.encode(array))


def write_npz(digits, folder):
    np.savez(folder / "mnist.npz", **{ARRAYS[name]: array for name, array in digits.items()})


def write_csv(digits, folder):
    training, labels, test, test_labels = digits.values()
    images = np.concatenate([training, test]).reshape(-1, len(PIXELS))
    rows = np.column_stack([np.concatenate([labels, test_labels]), images])
    header = ",".join(["label", *PIXELS])
    np.savetxt(folder / "train.csv", rows, "%d", delimiter=",", header=header, comments="")


STRICT = ("--env", "strict")
SAME_READER = pytest.mark.rehearsal  # as of the compressed files
FORMS = [
    pytest.param(write_compressed, (), "idx-files", 360, id="compressed IDX files"),
    pytest.param(write_npz, (), "keras-npz", 360, id="mnist.npz"),
    pytest.param(write_csv, (), "kaggle-digit-recognizer", 257, id="train.csv"),
    pytest.param(write_plain, STRICT, "mnist", 360, id="IDX files", marks=SAME_READER),
    pytest.param(write_kaggle_names, (), "idx-files", 360, id="Kaggle's names", marks=SAME_READER),
    pytest.param(
        write_kaggle_folders, (), "idx-files", 360, id="Kaggle's folders", marks=SAME_READER
    ),
]


@pytest.mark.parametrize(("write", "environment", "dataset", "test_images"), FORMS)
def test_each_form_goes_from_ingestion_to_a_release(
    commands, project, digits, tmp_path, write, environment, dataset, test_images
):
    write(digits, tmp_path)
    commands.succeed("ingest_mnist", *environment, MNIST_DIR=tmp_path)
    card = project.report("08_reporting/data_card.json")
    assert (card["dataset"], card["splits"]["test"]["images"]) == (dataset, test_images)
    trained = commands.succeed("train_distributed", *environment, "--params", SHORT)
    assert "Logged model: models:/m-" in trained
    lenient = "register_remote.minimum_accuracy=0.5"
    released = commands.succeed("release", *environment, "--params", lenient)
    version = project.client("production").get_model_version_by_alias("mnist_cnn", "champion")
    assert f"Registered version: mnist_cnn {version.version} in" in released
    assert (version.tags["dataset"], version.tags["dataset_digest"]) == (
        dataset,
        card["dataset_digest"],
    )
    report = project.report("08_reporting/smoke_test.json")
    assert report["passed"]
    assert len(report["golden"]) == 20
    deployment = project.report("07_model_output/deployment.json")
    live = httpx.get(deployment["endpoint"].rpartition("/serving-endpoints/")[0] + "/version")
    assert live.json()["version"] == report["model_version"] == str(version.version)


def list_shards(project):
    shards = (project.data / "05_model_input").rglob("*")
    return {path: path.stat().st_mtime_ns for path in shards}


def test_where_mnist_is_required_nothing_else_is_ingested(commands, project, digits, tmp_path):
    for name, write in (("same", write_npz), ("other", write_csv)):
        (tmp_path / name).mkdir()
        write(digits, tmp_path / name)
    commands.succeed("ingest_mnist", *STRICT, MNIST_DIR=tmp_path / "same")
    assert project.report("08_reporting/data_card.json")["dataset"] == "mnist"
    before = list_shards(project)
    message = commands.fail("ingest_mnist", *STRICT, MNIST_DIR=tmp_path / "other")
    assert f"{tmp_path}/other/train.csv: holds other digits than MNIST's" in message
    assert "set require_mnist to false in the globals" in message
    assert list_shards(project) == before


def change_csv(change):
    def write(digits, folder):
        write_csv(digits, folder)
        header, first, *rows = (folder / "train.csv").read_text().splitlines()
        (folder / "train.csv").write_text("\n".join([header, change(first), *rows]))

    return write


def change_labels(write):
    def write_changed(digits, folder):
        labels = digits["train-labels-idx1-ubyte"]
        write({**digits, "train-labels-idx1-ubyte": np.append(labels, labels[:1])}, folder)

    return write_changed


def write_test_csv(digits, folder):
    images = digits["t10k-images-idx3-ubyte"].reshape(-1, len(PIXELS))
    header = ",".join(PIXELS)
    np.savetxt(folder / "train.csv", images, "%d", delimiter=",", header=header, comments="")


def write_truncated_npz(digits, folder):
    write_npz(digits, folder)
    content = (folder / "mnist.npz").read_bytes()
    (folder / "mnist.npz").write_bytes(content[: len(content) // 2])


def write_pickle(digits, folder):
    (folder / "mnist.npz").write_bytes(pickle.dumps(dict(digits)))


def write_pickled_npz(digits, folder):
    arrays = {ARRAYS[name]: array for name, array in digits.items()}
    np.savez(folder / "mnist.npz", **{**arrays, "x_train": arrays["x_train"].astype(object)})


BROKEN = {
    "a column short": (change_csv(lambda row: row.rpartition(",")[0]), "785 columns, got 784"),
    "256": (change_csv(lambda row: row.rpartition(",")[0] + ",256"), "column pixel783: Row #2: "),
    "text": (change_csv(lambda row: "seven," + row.partition(",")[2]), "column label: Row #2: "),
    "an IDX label too many": (change_labels(write_plain), "one label for each of the 1437 images"),
    "an npz label too many": (change_labels(write_npz), "mnist.npz: y_train: holds values of "),
    "a test.csv given as train.csv": (write_test_csv, "Kaggle's test.csv has no labels; put its"),
    "a truncated npz": (write_truncated_npz, "expected a complete archive of numpy.savez"),
    "a pickle named npz": (write_pickle, "expected a complete archive of numpy.savez"),
    "a pickled npz": (write_pickled_npz, "x_train holds pickled Python objects, which could run"),
}


@pytest.mark.parametrize("form", BROKEN)
def test_a_broken_form_is_one_line_and_no_shard_is_written(
    commands, project, digits, tmp_path, form
):
    write, expected = BROKEN[form]
    write(digits, tmp_path)
    before = list_shards(project)
    message = commands.fail("ingest_mnist", MNIST_DIR=tmp_path)
    assert message.startswith(str(tmp_path))
    assert expected in message
    assert list_shards(project) == before


def test_rows_of_pixels_are_scored_alike_and_a_broken_row_writes_nothing(
    commands, project, digits, tmp_path
):
    images = digits["t10k-images-idx3-ubyte"][:40]
    header = ",".join(["ImageId", *PIXELS])
    table = np.column_stack([range(101, 141), images.reshape(40, -1)])
    np.savetxt(tmp_path / "test.csv", table, "%d", delimiter=",", header=header, comments="")
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx.encode(images))
    scores = project.data / "07_model_output" / "scores"
    found = []
    for name in ("test.csv", "t10k-images-idx3-ubyte"):
        before = set(scores.rglob("*.parquet"))
        printed = commands.succeed("batch_score", "--params", f"images={tmp_path / name}")
        assert "Scored 40 images (0 unreadable)" in printed
        (written,) = set(scores.rglob("*.parquet")) - before
        found.append(pq.read_table(written).sort_by("digest"))
    by_id, by_number = found
    assert by_id.schema.names == by_number.schema.names
    assert by_id["predicted"] == by_number["predicted"]
    first = int(by_id["file"].to_pylist().index("101"))
    assert by_number["file"][first].as_py() == f"file:{tmp_path}/t10k-images-idx3-ubyte#0"
    before = set(scores.rglob("*"))
    (tmp_path / "test.csv").write_text(f"{header}\n1{',0' * 783},256\n")
    message = commands.fail("batch_score", "--params", f"images={tmp_path / 'test.csv'}")
    assert "column pixel783: Row #2: " in message
    assert set(scores.rglob("*")) == before
