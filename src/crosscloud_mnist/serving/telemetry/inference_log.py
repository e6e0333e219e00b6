"""A sample of what was asked and answered, in the columns of Databricks' inference tables.

https://docs.databricks.com/aws/en/ai-gateway/inference-tables: the same job reads these files and
production's table. One line of JSON for each request, written by a thread of its own: answering
never waits for the disk, and where the disk cannot follow, lines are dropped and counted.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

_MAX_WAITING = 1000
_MAX_FILE_BYTES = 64 * 2**20
_MAX_PAYLOAD_BYTES = 2**20  # the limit of Databricks' tables


@dataclass(frozen=True)
class LoggedRequest:
    """One request and its answer.

    Attributes:
        request_id: The endpoint's own.
        client_request_id: From the header; the body's own is looked for where there is none.
        started: When the request's head was read, in UTC.
        status: Of the answer.
        milliseconds: How long it took.
        request: The body.
        response: The body.
    """

    request_id: str
    client_request_id: str | None
    started: datetime
    status: int
    milliseconds: int
    request: bytes
    response: bytes


class InferenceLog:
    """Files ``inference-<day>-<process>-<number>.jsonl`` of up to 64 MiB in one folder.

    Args:
        folder: Where they go.
        fraction: Of the requests, how many are logged: 0 to 1.
        entity: What is served, as ``<name>-<version>``.
    """

    def __init__(self, folder: Path, fraction: float, entity: str) -> None:
        self._folder, self._fraction, self._entity = folder, fraction, entity
        self._waiting: queue.Queue[LoggedRequest | None] = queue.Queue(_MAX_WAITING)
        self._dropped = 0
        self._file: BinaryIO | None = None
        self._day, self._number = "", 0
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def should_sample(self) -> bool:
        """Whether this request is one of the sample."""
        return random.random() < self._fraction  # noqa: S311  a sample, no secret

    def record(self, exchange: LoggedRequest) -> None:
        """Hand the exchange to the thread that writes; never waits."""
        try:
            self._waiting.put_nowait(exchange)
        except queue.Full:
            self._dropped += 1

    def dropped(self) -> int:
        """Return how many lines were lost, and start to count again."""
        count, self._dropped = self._dropped, 0
        return count

    def close(self, seconds: float = 5) -> None:
        """Write what waits, and end."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=seconds)
        self._thread.join(seconds)

    def _write_all(self) -> None:
        while (exchange := self._waiting.get()) is not None:
            line = msgspec.json.encode(self._row(exchange)) + b"\n"
            try:
                self._write(line, exchange.started.date().isoformat())
            except OSError:
                self._dropped += 1
                self._let_go()
        self._let_go()

    def _write(self, line: bytes, day: str) -> None:
        if self._file is None or day != self._day or self._file.tell() > _MAX_FILE_BYTES:
            self._let_go()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._day, self._number = day, self._number + 1
            name = f"inference-{day}-{os.getpid()}-{self._number}.jsonl"
            self._file = (self._folder / name).open("ab", buffering=0)
        start = self._file.tell()
        if self._file.write(line) != len(line):  # the disk is full: no half line stays
            self._file.truncate(start)
            raise OSError

    def _let_go(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _row(self, exchange: LoggedRequest) -> dict[str, object]:
        request, response = exchange.request, exchange.response
        errors = [
            f"MAX_{name}_SIZE_EXCEEDED"
            for name, body in (("REQUEST", request), ("RESPONSE", response))
            if len(body) > _MAX_PAYLOAD_BYTES
        ]
        return {
            "request_date": exchange.started.date(),
            "databricks_request_id": exchange.request_id,
            "client_request_id": exchange.client_request_id or _own_id(request),
            "request_time": exchange.started,
            "status_code": exchange.status,
            "sampling_fraction": self._fraction,
            "execution_duration_ms": exchange.milliseconds,
            "request": _text(request),
            "response": _text(response),
            "served_entity_id": self._entity,
            "logging_error_codes": errors,
            "requester": None,
        }


class _WithId(msgspec.Struct):
    client_request_id: str | None = None


def _own_id(request: bytes) -> str | None:
    try:
        return msgspec.json.decode(request, type=_WithId).client_request_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _text(body: bytes) -> str | None:
    return None if len(body) > _MAX_PAYLOAD_BYTES else body.decode(errors="replace")
