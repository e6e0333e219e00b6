"""The inference log: a sample of requests and responses in Databricks' inference table columns.

https://docs.databricks.com/aws/en/ai-gateway/inference-tables: the same job reads these files and
production's table. A background thread writes one line of JSON for each request: a response never
waits for the disk, and where the disk is too slow, lines are dropped and counted.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import threading
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from crosscloud_mnist.serving.log_rotation import open_log

_MAX_QUEUED_REQUESTS = 1000
_MAX_FILE_BYTES = 64 * 2**20
_MAX_FILES = 64
_MAX_PAYLOAD_BYTES = 2**20  # the limit of Databricks' tables


@dataclass(frozen=True)
class LoggedRequest:
    """One request and its response.

    Attributes:
        request_id: The endpoint's own id.
        client_request_id: From the request's header; without one, the body's field is used.
        started: When the request's head was read, in UTC.
        status: HTTP status.
        milliseconds: Duration.
        request: Body of the request.
        response: Body of the response.
    """

    request_id: str
    client_request_id: str | None
    started: datetime
    status: int
    milliseconds: int
    request: bytes
    response: bytes


class _Row(msgspec.Struct, frozen=True):
    """The columns of Databricks' inference tables."""

    request_date: date
    databricks_request_id: str
    client_request_id: str | None
    request_time: datetime
    status_code: int
    sampling_fraction: float
    execution_duration_ms: int
    request: str | None
    response: str | None
    served_entity_id: str
    logging_error_codes: list[str]
    requester: str | None


class InferenceLog:
    """Files ``inference-<day>-<process>-<number>.jsonl`` of up to 64 MiB in one folder.

    They are readable by their owner alone. The folder keeps the newest 64, at most 4 GiB.

    Args:
        folder: Where the files are written.
        sampling_fraction: Share of the requests that is logged, 0 to 1.
        served_entity_id: What is served, as ``<name>-<version>``.
    """

    def __init__(self, folder: Path, sampling_fraction: float, served_entity_id: str) -> None:
        self._folder, self._sampling_fraction = folder, sampling_fraction
        self._served_entity_id = served_entity_id
        self._queue: queue.Queue[LoggedRequest | None] = queue.Queue(_MAX_QUEUED_REQUESTS)
        self._dropped_lines = 0
        self._file: BinaryIO | None = None
        self._day, self._number = "", 0
        self._thread = threading.Thread(target=self._write_queued, daemon=True)
        self._thread.start()

    def should_sample(self) -> bool:
        """Return whether this request is part of the sample."""
        return random.random() < self._sampling_fraction  # noqa: S311  a sample, no secret

    def submit(self, request: LoggedRequest) -> None:
        """Queue the request for the background thread; never blocks."""
        try:
            self._queue.put_nowait(request)
        except queue.Full:
            self._dropped_lines += 1

    def take_dropped_count(self) -> int:
        """Return how many lines were dropped since the last call."""
        count, self._dropped_lines = self._dropped_lines, 0
        return count

    def close(self, timeout_seconds: float = 5) -> None:
        """Write the queued requests and stop the thread."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=timeout_seconds)
        self._thread.join(timeout_seconds)

    def _write_queued(self) -> None:
        while (request := self._queue.get()) is not None:
            line = msgspec.json.encode(self._to_row(request)) + b"\n"
            try:
                self._write_line(line, request.started.date().isoformat())
            except OSError:
                self._dropped_lines += 1
                self._close_file()
        self._close_file()

    def _write_line(self, line: bytes, day: str) -> None:
        is_full = self._file is not None and self._file.tell() > _MAX_FILE_BYTES
        if day != self._day or is_full:
            self._close_file()
            self._day, self._number = day, self._number + 1
        if self._file is None:  # the first time, or after a line was lost: then the same name
            self._file = self._open_file(f"inference-{day}-{os.getpid()}-{self._number}.jsonl")
        start = self._file.tell()
        if self._file.write(line) != len(line):  # the disk is full: remove the partial line
            self._file.truncate(start)
            raise OSError

    def _open_file(self, name: str) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        if not path.exists():
            files = sorted(self._folder.glob("inference-*.jsonl"), key=_modified)
            for oldest in files[: max(0, len(files) - _MAX_FILES + 1)]:
                oldest.unlink(missing_ok=True)
        return open_log(path)

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _to_row(self, request: LoggedRequest) -> _Row:
        bodies = (("REQUEST", request.request), ("RESPONSE", request.response))
        return _Row(
            request_date=request.started.date(),
            databricks_request_id=request.request_id,
            client_request_id=request.client_request_id or _read_client_request_id(request.request),
            request_time=request.started,
            status_code=request.status,
            sampling_fraction=self._sampling_fraction,
            execution_duration_ms=request.milliseconds,
            request=_to_text(request.request),
            response=_to_text(request.response),
            served_entity_id=self._served_entity_id,
            logging_error_codes=[
                f"MAX_{name}_SIZE_EXCEEDED"
                for name, body in bodies
                if len(body) > _MAX_PAYLOAD_BYTES
            ],
            requester=None,
        )


class _ClientRequestId(msgspec.Struct):
    client_request_id: str | None = None


def _read_client_request_id(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_ClientRequestId).client_request_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _to_text(body: bytes) -> str | None:
    return None if len(body) > _MAX_PAYLOAD_BYTES else body.decode(errors="replace")


def _modified(path: Path) -> float:
    """Return when the file was written last; a file that another worker removed is the oldest."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
