"""Images answered on a real local Spark: whole chunks, each image once, odd files as rows."""

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


@pytest.fixture(scope="module")
def spark():
    """One session for the module, as a cluster has one."""

    with SparkCluster("local[2]", 2).session(on_driver=False) as session:
        yield session


@pytest.fixture
def folder(tmp_path, digits):
    """Six digits, one of them in a folder with an odd name, a torn image and a text."""
    made = tmp_path / "images [1] of {mine}"
    (made / "more of it").mkdir(parents=True)
    for index, image in enumerate(digits["t10k-images-idx3-ubyte"][:6]):
        place = made / "more of it" if index == 5 else made
        Image.fromarray(image).save(place / f"image {index}.png")
    (made / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (made / "notes.txt").write_text("not an image")
    return made


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


def test_answers_a_folder_in_chunks_and_keeps_the_reasons(job, folder, tiny_bundle):
    import onnxruntime

    progress = job.run(folder)
    assert [(p.chunk, p.chunks, p.images, p.of) for p in progress] == [
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
    assert "no format of an image" in rows["notes.txt"]["error"]
    assert rows["torn.png"]["error"]
    assert rows["torn.png"]["predicted"] is rows["torn.png"]["probabilities"] is None


def test_a_second_run_answers_only_what_is_new_or_changed(job, folder):
    job.run(folder)
    assert job.run(folder) == []
    Image.open(folder / "image 0.png").save(folder / "torn.png")
    Image.open(folder / "image 1.png").save(folder / "new.png")
    (last,) = job.run(folder)
    assert (last.images, last.errors) == (2, 0)
    rows, count = job.rows()
    assert (len(rows), count) == (9, 10)


def test_answers_a_table_as_it_does_its_folder(job, spark, folder, tmp_path):
    job.run(folder)
    rows, _ = job.rows()
    images = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
    escaped = str(folder).replace("[", "\\[").replace("{", "\\{").replace("}", "\\}")
    images.load(escaped).repartition(3).write.parquet(str(tmp_path / "table"))
    job.output = tmp_path / "of the table"
    job.run(tmp_path / "table", per_chunk=5)
    assert job.rows() == (rows, 8)


def test_a_path_that_changed_in_a_table_is_answered_again_and_its_old_row_not(
    job, spark, digits, tmp_path
):
    """As in a compacted table, one file holds what was answered and what it became since."""
    (tmp_path / "one").mkdir()
    Image.fromarray(digits["t10k-images-idx3-ubyte"][0]).save(tmp_path / "one" / "image.png")
    before = spark.read.format("binaryFile").load(str(tmp_path / "one"))
    after = before.withColumn("modificationTime", F.expr("modificationTime + interval 1 day"))
    before.write.parquet(str(tmp_path / "before"))
    before.union(after).coalesce(1).write.parquet(str(tmp_path / "both"))
    job.run(tmp_path / "before")
    (last,) = job.run(tmp_path / "both")
    assert (last.images, last.errors) == (1, 0)
    assert job.rows()[1] == 2


def test_says_what_is_no_folder_and_no_table(job, tmp_path, spark):
    with pytest.raises(DataError, match="nowhere cannot be opened"):
        job.run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty holds no images"):
        job.run(tmp_path / "empty")
    spark.range(3).write.parquet(str(tmp_path / "numbers"))
    with pytest.raises(DataError, match="numbers has no columns content, length, modificationTime"):
        job.run(tmp_path / "numbers")


KILLED = """
import sys
from pathlib import Path
from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
from crosscloud_mnist.ports import ModelVersion
digest, bundle, images, scores = sys.argv[1:]
version = ModelVersion("mnist_cnn", "4", digest)
scorer = SparkBatchScorer(master="local[2]", slots=2)
for done in scorer.score(version, Path(bundle), images, Path(scores), 20):
    print(done.chunk, flush=True)
"""


def test_killed_half_way_it_goes_on_without_answering_twice(job, digits, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for index, image in enumerate(digits["t10k-images-idx3-ubyte"][:120]):
        Image.fromarray(image).save(folder / f"{index}.png")
    arguments = [job.version.digest, str(job.bundle.folder), str(folder), str(job.output)]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    assert [process.stdout.readline().strip() for _ in range(2)] == [b"1", b"2"]
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
