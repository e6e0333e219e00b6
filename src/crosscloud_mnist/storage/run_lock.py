"""One run at a time for each stage of a storage folder.

A stage (``ingest``, ``train``, ``register``, ...) has its files in the storage folder: two runs of
it at once would read each other's. The lock is the operating system's (``flock``), on a file in
``<storage>/.locks``: it ends with the process, however that ends. Storage without ``flock`` is not
locked: a file whose existence is the lock would stay for good where a job is killed together with
its cluster.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from crosscloud_mnist.errors import StorageInUseError
from crosscloud_mnist.storage import atomic

_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """The run that holds a lock.

    Attributes:
        pipeline: Its name.
        process_id: On ``host``.
        host: Name of the machine.
        since: ISO 8601, in UTC.
    """

    pipeline: str
    process_id: int
    host: str
    since: str


class RunLock:
    """The locks of the stages that one run works on.

    Args:
        storage: The storage folder.
        stages: Names of the stages.
        pipeline: The name of the pipeline; the message of another run names it.
    """

    def __init__(self, storage: Path, stages: Collection[str], pipeline: str) -> None:
        self._storage, self._pipeline = storage, pipeline
        # Always in the same order: of two runs at once, one gets all of its locks.
        self._stages = sorted(stages)
        self._descriptors: list[int] = []

    def acquire(self) -> None:
        """Take all locks, or none.

        On storage without locks, such as a Unity Catalog volume, it only logs that: there
        the job that starts the runs must start one at a time.

        Raises:
            StorageInUseError: Another run holds one of them.
        """
        holder = Holder(
            self._pipeline,
            os.getpid(),
            socket.gethostname(),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            for stage in self._stages:
                record = self._storage / ".locks" / f"{stage}.json"
                record.parent.mkdir(parents=True, exist_ok=True)
                self._acquire_one(record.with_suffix(".lock"), record)
                atomic.write_bytes(record, json.dumps(asdict(holder)).encode())
        except OSError as error:
            self.release()
            if error.errno not in _UNSUPPORTED:
                raise StorageInUseError(
                    f"{self._storage} cannot be locked ({error.strerror}), expected a folder that "
                    "this run can write to; check its permissions, or the storage in the globals"
                ) from error
            logger.warning(
                "%s has no file locks: start one run at a time on it, or two runs read each "
                "other's files",
                self._storage,
            )
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release all locks that are held."""
        for descriptor in self._descriptors:
            os.close(descriptor)  # which releases the lock
        self._descriptors.clear()

    def _acquire_one(self, path: Path, record: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._descriptors.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageInUseError(
                f"{_describe_holder(record)} uses the files of the stage {record.stem!r} in "
                f"{self._storage}, expected one run at a time; wait until it has ended, or set "
                "another storage in the globals"
            ) from error


def _describe_holder(record: Path) -> str:
    """Return who holds the lock, as far as its record can be read."""
    try:
        holder = Holder(**json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError):
        return "another run"
    return (
        f"another run ({holder.pipeline}, process {holder.process_id} on {holder.host}, since "
        f"{holder.since})"
    )
