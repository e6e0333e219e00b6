"""What a slot does and measures of itself; executors import it."""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path

from crosscloud_mnist.training import feed
from crosscloud_mnist.training.loop import train
from crosscloud_mnist.training.plan import Outcome, Plan


def train_and_measure(plan: Plan, *, read_all: bool = False) -> Outcome:
    """Train, and leave this rank's times and peak memory beside the records.

    Args:
        plan: What to train.
        read_all: Whether to read all of this rank's shards to their end first, however few steps
            are trained.
    """
    entered = time.time()
    if read_all:
        _read_through(plan)
    outcome = train(plan)
    rank = _place()[0]
    figures = {
        "entered": entered,
        "left": time.time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (Path(plan.records) / f"rank-{rank}.json").write_text(json.dumps(figures))
    return outcome


def _read_through(plan: Plan) -> None:
    rank, workers = _place()
    own = sum(plan.train[i].count for i in feed.own_shards(len(plan.train), workers, rank))
    steps = own * workers // plan.batch
    for _ in feed.training_batches(plan, workers, rank, 1).take(steps):
        pass


def _place() -> tuple[int, int]:
    cluster = json.loads(os.environ.get("TF_CONFIG", "{}"))
    if not cluster:
        return 0, 1
    return int(cluster["task"]["index"]), len(cluster["cluster"]["worker"])
