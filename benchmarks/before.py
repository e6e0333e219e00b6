"""Batch scoring by the code of an earlier commit, in a process of its own.

``python -m benchmarks.before FOLDER IMAGES SCORES`` runs with that commit's ``src`` first on the
path, and prints how many seconds the second job took; the first one warms Spark up.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

COMMIT = "6c52a40"  # the last one before the preprocessing was rewritten
_ROOT = Path(__file__).parents[1]
_IMAGES_PER_CHUNK, _SLOTS = 200, 2


def extract(folder: Path) -> Path:
    """Write the commit's sources to a folder, and return what to put on the path."""
    archive = subprocess.run(
        ["git", "archive", COMMIT, "src/crosscloud_mnist"],
        cwd=_ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "src"


def measure(sources: Path, bundle: Path, warm_up: Path, images: Path, scores: Path) -> float:
    """Return the seconds that a job of the commit took on a folder of images."""
    arguments = [str(path) for path in (bundle, warm_up, images, scores)]
    ended = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, "PYTHONPATH": str(sources)},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(ended.stdout.split()[-1])


def _main(bundle: str, warm_up: str, images: str, scores: str) -> None:
    from crosscloud_mnist.adapters.spark.batch_scorer import SparkBatchScorer
    from crosscloud_mnist.adapters.spark.session import SparkCluster
    from crosscloud_mnist.ports import ModelVersion

    version = ModelVersion("mnist_cnn", "1", "ab" * 32)
    conf = {"spark.python.worker.reuse": "true"}
    seconds = 0.0
    with SparkCluster(f"local[{_SLOTS}]", _SLOTS, conf=conf).session(on_driver=False):
        for location in (warm_up, images):
            scorer = SparkBatchScorer(master=None, slots=_SLOTS)
            output = Path(scores) / Path(location).name
            start = time.perf_counter()
            # The signature of that commit.
            list(scorer.score(version, Path(bundle), location, output, _IMAGES_PER_CHUNK))  # type: ignore[arg-type]
            seconds = time.perf_counter() - start
    print(seconds)


if __name__ == "__main__":
    _main(*sys.argv[1:])
