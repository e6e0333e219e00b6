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
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import functions as F  # noqa: N812  its usual name

from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import DataError
from crosscloud_mnist.ports import ModelVersion
from crosscloud_mnist.preprocessing import to_model_input

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
        arguments = self.version, self.bundle.folder, str(images), self.output, per_chunk
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
        assert row["probability"] == pytest.approx(expected.max())
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
    with pytest.raises(DataError, match="numbers has no columns content, length, modificationTime"):
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


KILLED = """
import sys
from pathlib import Path
from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.ports import ModelVersion
digest, bundle, images, scores = sys.argv[1:]
version = ModelVersion("mnist_cnn", "4", digest)
scorer = SparkBatchScorer(master="local[2]", slots=2)
for progress in scorer.score(version, Path(bundle), images, Path(scores), 20):
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
