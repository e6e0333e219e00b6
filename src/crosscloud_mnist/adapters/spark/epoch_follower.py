"""The driver follows training, which blocks it, by one small file for each epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training import checkpoint, epoch_records
from crosscloud_mnist.training.job import TrainingJob
from crosscloud_mnist.training.result import EpochMetrics

_POLL_SECONDS = 0.5


@contextmanager
def follow_epochs(
    checkpoint_dir: str, total_epochs: int, on_epoch: Callable[[EpochMetrics], None]
) -> Iterator[None]:
    """Call ``on_epoch`` once for each epoch record, in order, while the block runs.

    Args:
        checkpoint_dir: Where rank 0 writes its epoch records; those of an earlier training are
            removed first.
        total_epochs: How many epochs there will be at most.
        on_epoch: Called in a thread of its own. An error that it raises is raised again when the
            block has ended.
    """
    epoch_records.clear(checkpoint_dir)
    has_ended = threading.Event()
    errors: list[Exception] = []

    def follow() -> None:
        epoch = 1
        while epoch <= total_epochs:
            is_last_poll = has_ended.is_set()  # before the read: a record may appear after it
            metrics = epoch_records.read(checkpoint_dir, epoch)
            if metrics:
                try:
                    on_epoch(metrics)
                except Exception as error:  # noqa: BLE001  the caller raises it again
                    errors.append(error)
                    return
                epoch += 1
            elif is_last_poll:
                return
            else:
                has_ended.wait(_POLL_SECONDS)

    follower = threading.Thread(target=follow, name="epoch-follower", daemon=True)
    follower.start()
    try:
        yield
    finally:
        has_ended.set()
        follower.join()
    if errors:
        raise errors[0]


@contextmanager
def follow_jobs(
    jobs: Sequence[TrainingJob], on_epoch: Callable[[int, EpochMetrics], None]
) -> Iterator[None]:
    """Follow the epochs of every job from the first; remove the checkpoints after success."""
    with ExitStack() as followers:
        for index, job in enumerate(jobs):
            checkpoint.clear(job.checkpoint_dir)
            followers.enter_context(
                follow_epochs(job.checkpoint_dir, job.config.epochs, partial(on_epoch, index))
            )
        try:
            yield
        except KeyboardInterrupt:
            raise TrainingError(
                "training was interrupted, expected it to end by itself; nothing was registered: "
                "run again"
            ) from None
    for job in jobs:
        checkpoint.remove_folder(job.checkpoint_dir)
