"""Spark reads an inference table by its name of three levels, in the documented columns."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from rehearsal.flow import PROJECT
from rehearsal.inference_table import SCHEMA, payload_row
from rehearsal.processes import clean_environment

TABLE = "data_masters.deploy.mnist_cnn_payload"
SETTINGS = {"spark.master": "local[1]", "spark.ui.enabled": "false"}
READ = """
import json, sys
from pyspark.sql import SparkSession
from crosscloud_mnist.datasets.inference_log import InferenceLogDataset
from rehearsal.wheel_task import create_session, create_tables

table, files, settings = sys.argv[1:]
create_session(json.loads(settings), "spark.log")
create_tables({table: files})
log = InferenceLogDataset(source=table, max_requests=4).load()
print(log["request"].tolist(), log["status_code"].tolist())
try:
    InferenceLogDataset(source="data_masters.deploy.none").load()
except Exception as error:
    print(type(error.__cause__).__name__, error.__cause__)
"""


def test_the_newest_requests_of_a_table_are_loaded_once(tmp_path):
    start = datetime(2026, 1, 2, tzinfo=UTC)
    rows = [
        payload_row(f"{second}".encode(), b"{}", 200, start + timedelta(seconds=second), "7f3a")
        for second in range(6)
    ]
    files = tmp_path / "files"
    files.mkdir()
    pq.write_table(pa.Table.from_pylist([*rows, rows[5]], SCHEMA), files / "part-0.parquet")
    ended = subprocess.run(
        [sys.executable, "-c", READ, TABLE, str(files), json.dumps(SETTINGS)],
        cwd=tmp_path,
        env={**clean_environment(), "PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"files", "spark.log"}
    loaded, missing = ended.stdout.splitlines()
    assert loaded == "['5', '4', '3'] [200, 200, 200]"  # the newest four rows, one of them twice
    assert missing.startswith("DataError data_masters.deploy.none is not an inference table (")
    assert "within an hour of the endpoint's first request" in missing
