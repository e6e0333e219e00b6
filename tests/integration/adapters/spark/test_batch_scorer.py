"""Images scored on a real local Spark: complete chunks, each image once, every file a row."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import functions as F  # noqa: N812  its usual name

from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.ports import ChunkSizes, ModelVersion
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.storage import idx
from rehearsal.mnist_contract import mnist_contract

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def spark():
    """One session for the module, as a cluster has one."""

    with SparkCluster("local[2]", 2).session(on_driver=False) as session:
        yield session


@pytest.fixture
def folder(tmp_path, digits):
    """Six digits, one of them in a folder with an odd name, a torn image and a text."""
    folder = tmp_path / "images [1] of {mine}"
    (folder / "a folder").mkdir(parents=True)
    for index, image in enumerate(digits["t10k-images-idx3-ubyte"][:6]):
        parent = folder / "a folder" if index == 5 else folder
        Image.fromarray(image).save(parent / f"image {index}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (folder / "notes.txt").write_text("not an image")
    return folder


class Job:
    """A scoring job of the small bundle."""

    def __init__(self, bundle, output):
        self.version, self.bundle = ModelVersion("mnist_cnn", "4", bundle.digest), bundle
        self.output, self.scorer = output, SparkBatchScorer(master="local[2]", slots=2)

    def run(self, images, per_chunk=3):
        chunk_sizes = ChunkSizes(images=per_chunk, rows=per_chunk)
        arguments = self.version, self.bundle.folder, str(images), self.output, chunk_sizes
        return list(self.scorer.score(*arguments))

    def rows(self):
        rows = pq.read_table(self.output).to_pylist()
        return {Path(row["file"]).name: row for row in rows}, len(rows)


@pytest.fixture
def job(spark, tiny_bundle, tmp_path):
    return Job(tiny_bundle, tmp_path / "scores")


def test_a_folder_is_scored_in_chunks_and_unreadable_files_have_a_reason(job, folder, tiny_bundle):
    import onnxruntime

    progress = job.run(folder)
    assert [(p.chunk, p.chunks, p.images, p.total) for p in progress] == [
        (0, 3, 0, 8),
        (1, 3, 3, 8),
        (2, 3, 6, 8),
        (3, 3, 8, 8),
    ]
    assert progress[-1].errors == 2
    rows, count = job.rows()
    assert count == len(rows) == 8
    session = onnxruntime.InferenceSession(tiny_bundle.onnx)
    for path in folder.rglob("image *.png"):
        row = rows[path.name]
        (expected,) = session.run(None, {"images": to_model_input(Image.open(path))[None]})[0]
        np.testing.assert_allclose(row["probabilities"], expected, atol=1e-6)
        assert row["predicted"] == expected.argmax()
        assert row["predicted_class"] == str(row["predicted"])
        assert row["probability"] == pytest.approx(expected.max())
        assert row["unsure"] == (expected.max() < mnist_contract().min_probability)
        assert row["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert row["error"] is None
        assert (row["model_version"], row["model_digest"]) == (4, tiny_bundle.digest)
    assert "no accepted format" in rows["notes.txt"]["error"]
    assert rows["torn.png"]["error"]
    assert rows["torn.png"]["predicted"] is rows["torn.png"]["probabilities"] is None


def test_a_second_run_scores_only_new_and_changed_images(job, folder):
    job.run(folder)
    (only,) = job.run(folder)
    assert (only.chunks, only.earlier_images, only.earlier_errors) == (0, 8, 2)
    Image.open(folder / "image 0.png").save(folder / "torn.png")
    Image.open(folder / "image 1.png").save(folder / "new.png")
    *_, last = job.run(folder)
    assert (last.images, last.errors, last.earlier_images, last.earlier_errors) == (2, 0, 7, 1)
    rows, count = job.rows()
    assert (len(rows), count) == (9, 10)


def test_a_table_is_scored_as_its_folder_is(job, spark, folder, tmp_path):
    job.run(folder)
    rows, _ = job.rows()
    images = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    escaped = str(folder).replace("[", "\\[").replace("{", "\\{").replace("}", "\\}")
    images.load(escaped).repartition(3).write.parquet(str(tmp_path / "table"))
    job.output = tmp_path / "scores of the table"
    job.run(tmp_path / "table", per_chunk=5)
    assert job.rows() == (rows, 8)


def test_a_path_that_changed_in_a_table_is_scored_again_and_its_old_row_is_not(
    job, spark, digits, tmp_path
):
    """As in a compacted table, one file holds the scored row and the one that replaced it."""
    (tmp_path / "one").mkdir()
    Image.fromarray(digits["t10k-images-idx3-ubyte"][0]).save(tmp_path / "one" / "image.png")
    before = spark.read.format("binaryFile").load(str(tmp_path / "one"))
    after = before.withColumn("modificationTime", F.expr("modificationTime + interval 1 day"))
    before.write.parquet(str(tmp_path / "before"))
    before.union(after).coalesce(1).write.parquet(str(tmp_path / "both"))
    job.run(tmp_path / "before")
    *_, last = job.run(tmp_path / "both")
    assert (last.images, last.errors) == (1, 0)
    assert job.rows()[1] == 2


def test_a_location_without_images_is_one_line(job, tmp_path, spark):
    with pytest.raises(DataError, match="nowhere cannot be opened"):
        job.run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no images"):
        job.run(tmp_path / "empty")
    spark.range(3).write.parquet(str(tmp_path / "numbers"))
    with pytest.raises(
        DataError, match="numbers has no columns content, length, modif.*or pixels as a column"
    ):
        job.run(tmp_path / "numbers")


def test_every_file_is_a_row_whatever_its_name(job, digits, tmp_path):
    """Spark's own listing leaves out the first two, and fails at the third."""
    folder = tmp_path / "odd names"
    folder.mkdir()
    names = ["_IMG.jpg", ".x.png", "12:30:05 7.png", "100%25 ü#?.png"]
    for name in names:
        Image.fromarray(digits["t10k-images-idx3-ubyte"][0]).save(folder / name, "PNG")
    (folder / "link.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "again").symlink_to(folder)
    *_, last = job.run(folder)
    assert (last.images, last.errors) == (6, 2)
    rows, count = job.rows()
    assert count == 6
    assert {name for name, row in rows.items() if row["error"] is None} == set(names)
    assert "No such file" in rows["link.png"]["error"]
    assert "not a regular file" in rows["pipe.png"]["error"]


@pytest.fixture(scope="module")
def pixels(digits):
    """Fifty images as rows of pixels, uint8 [50, 784]."""
    return digits["t10k-images-idx3-ubyte"][:50].reshape(50, 784)


@pytest.fixture(scope="module")
def expected(tiny_bundle, pixels):
    """The model's own probabilities of them, [50, 10]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(tiny_bundle.onnx)
    return session.run(None, {"images": pixels.reshape(50, 28, 28)})[0]


def write_idx(pixels, path):
    path.write_bytes(idx.encode(pixels.reshape(-1, 28, 28)))


def write_npz(pixels, path):
    np.savez_compressed(path, images=pixels.reshape(-1, 28, 28))


def write_csv(pixels, path):
    header = ",".join(["ImageId", *(f"pixel{index}" for index in range(784))])
    rows = np.column_stack([range(1, len(pixels) + 1), pixels])
    np.savetxt(path, rows, "%d", delimiter=",", header=header, comments="")


def write_arrays(pixels, path):
    rows = {"id": range(100, 100 + len(pixels)), "pixels": pixels.tolist()}
    pq.write_table(pa.table(rows), path)


def write_nested(pixels, path):
    pq.write_table(pa.table({"image": pixels.reshape(-1, 28, 28).tolist()}), path)


def write_columns(pixels, path):
    pq.write_table(pa.table({f"pixel{index}": pixels[:, index] for index in range(784)}), path)


@pytest.mark.parametrize(
    ("write", "name", "first_id"),
    [
        (write_idx, "t10k-images-idx3-ubyte", "{file}#0"),
        (write_npz, "images.npz", "{file}#images#0"),
        (write_csv, "test.csv", "1"),
        (write_arrays, "arrays.parquet", "100"),
        (write_nested, "nested.parquet", "{file}#0"),
        (write_columns, "columns.parquet", "{file}#0"),
    ],
)
def test_pixels_go_straight_to_the_model(job, pixels, expected, tmp_path, write, name, first_id):
    write(pixels, tmp_path / name)
    *_, last = job.run(tmp_path / name, per_chunk=20)
    assert (last.images, last.errors) == (50, 0)
    (only,) = job.run(tmp_path / name, per_chunk=30)  # in other chunks
    assert (only.chunks, only.earlier_images) == (0, 50)
    table = pq.read_table(job.output)
    assert table.num_rows == 50
    found = np.array(table["probabilities"].to_pylist())
    places = np.lexsort(np.round(expected, 4).T), np.lexsort(np.round(found, 4).T)
    np.testing.assert_allclose(found[places[1]], expected[places[0]], atol=1e-5)
    location = str(tmp_path / name)
    ids = {each.replace("file://", "file:") for each in table["file"].to_pylist()}
    assert len(ids) == 50
    assert first_id.format(file=f"file:{location}") in ids
    assert set(table["length"].to_pylist()) == {(tmp_path / name).stat().st_size}


def test_image_files_and_pixels_have_the_same_columns(job, pixels, folder, tmp_path):
    write_idx(pixels, tmp_path / "images-idx3-ubyte")
    job.run(tmp_path / "images-idx3-ubyte", per_chunk=50)
    (first,) = job.output.rglob("*.parquet")
    job.run(folder, per_chunk=8)
    (second,) = set(job.output.rglob("*.parquet")) - {first}
    schemas = [pq.read_schema(path).remove_metadata() for path in (first, second)]
    assert schemas[0] == schemas[1]
    (only,) = job.run(folder)
    assert (only.chunks, only.earlier_images) == (0, 8)


def test_a_table_of_many_files_resumes_by_file_and_names_its_wrong_rows(job, pixels, tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    for index in range(5):
        rows = pixels[10 * index : 10 * index + 10].astype(int).tolist()
        rows[0] = rows[0][:-1] if index == 3 else rows[0]
        rows[1][5] = 256 if index == 3 else rows[1][5]
        table = pa.table({"id": [f"{index}-{row}" for row in range(10)], "pixels": rows})
        pq.write_table(table, folder / f"{index}.parquet")
    progress = job.run(folder, per_chunk=20)
    assert [(p.images, p.errors) for p in progress] == [(0, 0), (20, 0), (40, 2), (50, 2)]
    pq.write_table(pa.table({"id": ["new"], "pixels": [pixels[0].tolist()]}), folder / "5.parquet")
    *_, last = job.run(folder, per_chunk=7)
    assert (last.images, last.errors, last.earlier_images, last.earlier_errors) == (1, 0, 50, 2)
    rows, count = job.rows()
    assert (len(rows), count) == (51, 51)
    assert "has no 784 pixels" in rows["3-0"]["error"]
    assert "not a whole number from 0 to 255" in rows["3-1"]["error"]
    assert rows["new"]["probabilities"] == pytest.approx(rows["0-0"]["probabilities"])


def test_a_partitioned_table_and_one_by_its_uri_are_tables(job, pixels, tmp_path):
    for part in ("a", "b"):
        (tmp_path / "table" / f"part={part}").mkdir(parents=True)
        write_arrays(pixels[:3], tmp_path / "table" / f"part={part}" / "1.parquet")
    *_, last = job.run(f"file:{tmp_path / 'table'}")
    assert (last.images, last.errors) == (6, 0)


def test_a_table_whose_rows_have_no_number_needs_ids(job, spark, pixels, tmp_path):
    rows = spark.createDataFrame([(7, pixels[0].tolist())], "id int, pixels array<int>")
    for name, columns in (("named", ["id", "pixels"]), ("nameless", ["pixels"])):
        path = str(tmp_path / name)
        rows.select(*columns).write.format("orc").option("path", path).saveAsTable(name)
    try:
        *_, last = job.run("default.named")
        assert (last.images, last.errors) == (1, 0)
        assert list(job.rows()[0]) == ["7"]
        with pytest.raises(DataError, match="nameless has no column id, and its format does not"):
            job.run("default.nameless")
    finally:
        for name in ("named", "nameless"):
            spark.sql(f"drop table {name}")


def write_bytes(name, content, path):
    (path / name).write_bytes(content)
    return path / name


def write_table(columns, path):
    pq.write_table(pa.table(columns), path / "table.parquet")
    return path / "table.parquet"


def write_view(spark, path):
    location = write_table({"id": [1], "pixels": [[0] * 784]}, path)
    spark.read.parquet(str(location)).createOrReplaceGlobalTempView("pixels_view")
    return "global_temp.pixels_view"


def write_truncated(path):
    location = write_table({"id": [1], "pixels": [[0] * 784]}, path)
    location.write_bytes(location.read_bytes()[:-100])
    return location


def write_kaggle_folder(path):
    folder = path / "t10k-images.idx3-ubyte"
    folder.mkdir()
    write_idx(np.zeros((1, 784), np.uint8), folder / folder.name)
    return folder


HEADER = ",".join(f"pixel{index}" for index in range(784))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda path, _: write_table({"pixels": [["0"] * 784]}, path),
            "column pixels of .* is array<string>, expected whole",
        ),
        (
            lambda path, _: write_table({"pixels": [[[[0] * 28] * 28]]}, path),
            r"is array<array<array<bigint>>>, expected whole numbers .* as \[784\] or \[28, 28\]",
        ),
        (
            lambda path, _: write_table({"pixel0": [1], "pixel1": [2]}, path),
            "has no column pixel2, expected pixel0 to pixel783",
        ),
        (lambda path, spark: write_view(spark, path), "has no files of its own, as a view"),
        (lambda path, _: write_truncated(path), "/table.parquet cannot be read, expected a compl"),
        (lambda path, _: write_kaggle_folder(path), "name the file: --params images=.*/t10k-im"),
        (
            lambda path, _: write_bytes("test.csv", f"{HEADER}\n{'0,' * 783}256\n".encode(), path),
            "column pixel783: Row #2: .*'256'",
        ),
        (
            lambda path, _: write_bytes("images.npz", b"PK\x03\x04", path),
            "images.npz: cannot be read",
        ),
    ],
)
def test_a_broken_form_is_one_line_and_writes_nothing(job, spark, tmp_path, write, message):
    with pytest.raises(DataError, match=message) as raised:
        job.run(write(tmp_path, spark))
    assert "\n" not in str(raised.value)
    assert not job.output.exists()


KILLED = """
import sys
from pathlib import Path
from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.ports import ChunkSizes, ModelVersion
digest, bundle, images, scores = sys.argv[1:]
version = ModelVersion("mnist_cnn", "4", digest)
scorer = SparkBatchScorer(master="local[2]", slots=2)
for progress in scorer.score(version, Path(bundle), images, Path(scores), ChunkSizes(20, 20)):
    print(progress.chunk, flush=True)
"""


def test_a_killed_run_resumes_without_scoring_an_image_twice(job, digits, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for index, image in enumerate(digits["t10k-images-idx3-ubyte"][:120]):
        Image.fromarray(image).save(folder / f"{index}.png")
    arguments = [job.version.digest, str(job.bundle.folder), str(folder), str(job.output)]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    assert [process.stdout.readline().strip() for _ in range(3)] == [b"0", b"1", b"2"]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in job.output.rglob("*.parquet")}
    assert 2 <= len(kept) < 6
    time.sleep(0.1)
    progress = job.run(folder, per_chunk=50)
    assert progress[-1].images == 120 - 20 * len(kept)
    rows, count = job.rows()
    assert (len(rows), count) == (120, 120)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
