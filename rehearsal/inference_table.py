"""The table to which AI Gateway logs an endpoint's requests: Parquet files in a folder.

The columns and types are those of
https://docs.databricks.com/aws/en/ai-gateway/inference-tables-serving-endpoints. A row arrives
late, and some arrive twice.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rehearsal.serving_switches import ServingSwitches, read_switches
from rehearsal.workspace import Fields

SCHEMA = pa.schema(
    [
        ("request_date", pa.date32()),
        ("databricks_request_id", pa.string()),
        ("client_request_id", pa.string()),
        ("request_time", pa.timestamp("us", tz="UTC")),
        ("status_code", pa.int32()),
        ("sampling_fraction", pa.float64()),
        ("execution_duration_ms", pa.int64()),
        ("request", pa.string()),
        ("response", pa.string()),
        ("served_entity_id", pa.string()),
        ("logging_error_codes", pa.list_(pa.string())),
        ("requester", pa.string()),
    ]
)
_MAX_PAYLOAD_BYTES = 2**20  # a larger request or response is not logged


def table_folder(workspace_folder: Path, table: str) -> Path:
    """Return where the files of a table ``catalog.schema.name`` are."""
    return workspace_folder.joinpath("tables", *table.split("."))


@dataclass
class PayloadLog:
    """The rows of one endpoint that are not in its table yet.

    Attributes:
        workspace_folder: The folder of the workspace.
        rows: Rows that wait, each with its table.
        count: How many rows there were.
        task: What writes them.
    """

    workspace_folder: Path
    rows: list[tuple[str, Fields]] = field(default_factory=list)
    count: int = 0
    task: asyncio.Task[None] | None = None

    def append(self, table: str, row: Fields) -> None:
        """Log a row, which is in the table some time later."""
        switches = read_switches(self.workspace_folder)
        self.count += 1
        repeats = 2 if self.count % switches.log_repeats_every == 0 else 1
        self.rows += [(table, row)] * repeats
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._write_later(switches))

    async def close(self) -> None:
        """Write what waits."""
        if self.task is not None:
            self.task.cancel()
        self._write()

    async def _write_later(self, switches: ServingSwitches) -> None:
        while self.rows:
            await asyncio.sleep(switches.log_delay_seconds)
            self._write()

    def _write(self) -> None:
        rows, self.rows = self.rows, []
        for table in {table for table, _ in rows}:
            folder = table_folder(self.workspace_folder, table)
            folder.mkdir(parents=True, exist_ok=True)
            own = pa.Table.from_pylist([row for each, row in rows if each == table], SCHEMA)
            name = f"part-{uuid.uuid4().hex}.parquet"
            pq.write_table(own, folder / f".{name}")
            (folder / f".{name}").rename(folder / name)


def payload_row(
    body: bytes, response: bytes, status: int, started: datetime, entity_id: str
) -> Fields:
    """Return the row of one request.

    Args:
        body: The request's body.
        response: The response's.
        status: HTTP status.
        started: When the request arrived, in UTC.
        entity_id: The id of the served entity that responded.
    """
    request_text, error_codes = _text(body, "MAX_REQUEST_SIZE_EXCEEDED")
    response_text, more_codes = _text(response, "MAX_RESPONSE_SIZE_EXCEEDED")
    duration = datetime.now(UTC) - started
    return {
        "request_date": started.date(),
        "databricks_request_id": str(uuid.uuid4()),
        "client_request_id": _client_request_id(body),
        "request_time": started,
        "status_code": status,
        "sampling_fraction": 1.0,
        "execution_duration_ms": round(1000 * duration.total_seconds()),
        "request": request_text,
        "response": response_text,
        "served_entity_id": entity_id,
        "logging_error_codes": error_codes + more_codes,
        "requester": "rehearsal",
    }


def _text(content: bytes, error_code: str) -> tuple[str | None, list[str]]:
    if len(content) > _MAX_PAYLOAD_BYTES:
        return None, [error_code]
    return content.decode(errors="replace"), []


def _client_request_id(body: bytes) -> str | None:
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    value = fields.get("client_request_id") if isinstance(fields, dict) else None
    return value if isinstance(value, str) else None
