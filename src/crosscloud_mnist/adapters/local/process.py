"""The serving process of a folder: known by its number and its start, and ended by them."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from crosscloud_mnist.storage import atomic

_RECORD = "endpoint.json"
_DRAIN_SECONDS = 15


@dataclass(frozen=True)
class ServingProcess:
    """One serving process, as ``endpoint.json`` holds it.

    Attributes:
        pid: Its number, which the system may give to another one later.
        started: When it started, in clock ticks since boot: with the number, an identity.
        version: What it serves.
        digest: Of the bundle that it serves.
        options: What only a new start can change: the address, the workers, the log.
    """

    pid: int
    started: int
    version: str
    digest: str
    options: list[str]

    def runs(self) -> bool:
        """Whether this very process is still there."""
        return start_of(self.pid) == self.started

    def stop(self) -> None:
        """End it: SIGTERM drains, SIGKILL follows where that takes too long."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.runs():
                # Its workers are of its group: they drain at its word, and die with it.
                (os.kill if number == signal.SIGTERM else os.killpg)(self.pid, number)
            until = time.monotonic() + _DRAIN_SECONDS
            while self.runs() and time.monotonic() < until:
                time.sleep(0.05)


def save(process: ServingProcess, folder: Path) -> None:
    """Note the process as the one that was started from this folder."""
    atomic.write_bytes(folder / _RECORD, json.dumps(asdict(process)).encode())


def load(folder: Path) -> ServingProcess | None:
    """Return the process that was started from this folder, if it still runs."""
    record = folder / _RECORD
    if not record.is_file():
        return None
    process = ServingProcess(**json.loads(record.read_bytes()))
    return process if process.runs() else None


def clear(folder: Path) -> None:
    """Note that none is."""
    (folder / _RECORD).unlink(missing_ok=True)


def start_of(pid: int) -> int | None:
    """Return when the process started, or ``None`` where there is none: proc(5), field 22."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])
