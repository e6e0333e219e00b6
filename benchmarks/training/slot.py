"""What a slot does and measures; executors import it."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path

from crosscloud_mnist.training import input_pipeline
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import TrainingResult
from crosscloud_mnist.training.train import train


def train_and_measure(job: TrainingJob, *, read_all: bool = False) -> TrainingResult:
    """Train, and write this rank's times and peak memory beside the epoch records.

    Args:
        job: What to train.
        read_all: Whether to read all of this rank's shards to their end first, however few steps
            are trained.
    """
    started = time.time()
    if read_all:
        _read_through(job)
    result = train(job)
    rank = _rank_and_workers()[0]
    figures = {
        "started": started,
        "ended": time.time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (Path(job.checkpoint_dir) / f"rank-{rank}.json").write_text(json.dumps(figures))
    return result


def _read_through(job: TrainingJob) -> None:
    rank, workers = _rank_and_workers()
    own = sum(job.train[i].count for i in input_pipeline.own_shards(len(job.train), workers, rank))
    steps = own * workers // job.config.global_batch_size
    for _ in input_pipeline.training_batches(job, workers, rank, 1).take(steps):
        pass


def _rank_and_workers() -> tuple[int, int]:
    cluster = json.loads(os.environ.get("TF_CONFIG", "{}"))
    if not cluster:
        return 0, 1
    return int(cluster["task"]["index"]), len(cluster["cluster"]["worker"])
