"""The inference log of an endpoint: a folder of JSON lines, or an inference table."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
from kedro.io import AbstractDataset, DatasetError

from crosscloud_mnist.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class _Row(msgspec.Struct):
    """The columns that are loaded."""

    request_time: datetime
    status_code: Annotated[int, msgspec.Meta(ge=100, le=599)]
    request: str | None
    response: str | None
    served_entity_id: str | None
    databricks_request_id: str


_TABLE = re.compile(r"\w+(\.\w+){0,2}")
_REMOTE = re.compile(r"databricks(-uc)?://.+")  # a workspace by scope and prefix: another one

_COLUMNS = _Row.__struct_fields__
_DECODER = msgspec.json.Decoder(_Row)


class InferenceLogDataset(AbstractDataset["NoReturn", "pd.DataFrame"]):
    """Loads the newest requests of an inference log.

    Both kinds have the columns of Databricks' inference tables
    (https://docs.databricks.com/aws/en/ai-gateway/inference-tables-serving-endpoints). Of a table,
    Spark selects the newest rows before any of them is collected. A request that was logged twice
    is loaded once: the service may deliver a row again.

    Example, in YAML:

    .. code-block:: yaml

        inference_log:
          type: crosscloud_mnist.datasets.inference_log.InferenceLogDataset
          source: data/07_model_output/inference_log

    and in Python:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.inference_log import InferenceLogDataset
        >>> log = InferenceLogDataset(source="main.deploy.mnist_cnn_payload").load()

    Args:
        source: A folder of newline-delimited JSON files, or a table's name in Unity Catalog.
        max_requests: How many requests to load.
        endpoint_table: The table to which the endpoint's workspace writes.
        workspace: The URI of the workspace that serves: ``databricks-uc``, or, where it is another
            one than Spark's, followed by ``://scope:prefix``.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        source: str,
        max_requests: int = 20_000,
        endpoint_table: str | None = None,
        workspace: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._source, self._max_requests = source, max_requests
        self._is_remote = source == endpoint_table and bool(_REMOTE.fullmatch(workspace or ""))
        self._workspace = workspace
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return the newest requests, the newest first.

        Raises:
            DataError: There is no such log, it has not the expected columns, or it is a table of
                another workspace than Spark's.
        """
        if not Path(self._source).exists() and _TABLE.fullmatch(self._source):
            log = self._load_table()
        else:
            log = self._load_folder()
        return log.drop_duplicates("databricks_request_id", ignore_index=True)

    def _load_folder(self) -> pd.DataFrame:
        import pandas as pd

        files = sorted(path for path in Path(self._source).glob("*.json*") if path.is_file())
        if not files:
            raise DataError(
                f"{self._source} holds no inference log, expected files of JSON lines; let the "
                "endpoint log (endpoint.inference_log in the globals), or name a log: --params "
                "log=..."
            )
        rows = [msgspec.structs.astuple(row) for path in files for row in _rows(path)]
        log = pd.DataFrame(rows, columns=list(_COLUMNS))
        return log.sort_values("request_time", ascending=False, ignore_index=True).head(
            self._max_requests
        )

    def _load_table(self) -> pd.DataFrame:
        from pyspark.errors import AnalysisException
        from pyspark.sql import SparkSession

        if self._is_remote:
            raise DataError(
                f"the inference table {self._source} is in the workspace of {self._workspace}, "
                "expected one of the workspace where Spark runs; run kedro run --pipelines monitor "
                "in the environment of the workspace that serves, or name a table that is shared "
                "with this one: --params log=..."
            )
        try:
            table = SparkSession.builder.getOrCreate().table(self._source).select(*_COLUMNS)
        except AnalysisException as error:
            raise DataError(
                f"{self._source} is not an inference table ({str(error).splitlines()[0][:200]}), "
                "expected one that AI Gateway writes, within an hour of the endpoint's first "
                "request; check endpoint.inference_table in the globals, or --params log=..."
            ) from error
        return (
            table.orderBy(table.request_time.desc()).limit(self._max_requests).toArrow().to_pandas()
        )

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: the endpoint writes its log."""
        raise DatasetError(f"{self._source} is an inference log: the endpoint writes it")

    def _describe(self) -> dict[str, Any]:
        return {"source": self._source, "max_requests": self._max_requests}


def _rows(path: Path) -> list[_Row]:
    """Return the rows of a file; the last line is left out if it is incomplete."""
    *lines, last = path.read_bytes().split(b"\n")
    rows = [_row(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    with contextlib.suppress(DataError):
        rows.append(_row(last, path, len(lines) + 1))
    return rows


def _row(line: bytes, path: Path, number: int) -> _Row:
    try:
        row = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not an inference log: line {number} is not valid ({error}), expected JSON "
            f"lines with the columns {', '.join(_COLUMNS)} of Databricks' inference tables; check "
            "--params log=..."
        ) from error
    if row.request_time.tzinfo is None:  # Databricks writes UTC
        row.request_time = row.request_time.replace(tzinfo=UTC)
    return row
