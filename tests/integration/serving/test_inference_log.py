"""The inference log: Databricks' columns, a sample, and a disk that may be full."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime

import httpx
import pytest

from crosscloud_mnist.serving.telemetry import inference_log
from crosscloud_mnist.serving.telemetry.inference_log import InferenceLog, LoggedRequest

pytestmark = pytest.mark.process

COLUMNS = {
    *("request_date", "databricks_request_id", "client_request_id", "request_time"),
    *("status_code", "sampling_fraction", "execution_duration_ms", "request", "response"),
    *("served_entity_id", "logging_error_codes", "requester"),
}


def rows(folder):
    files = sorted(folder.glob("inference-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def logged_request(number: int, request: bytes = b"{}") -> LoggedRequest:
    return LoggedRequest(str(number), None, datetime.now(UTC), 200, 3, request, b"[]")


def test_a_server_logs_requests_and_responses(start, tiny_bundle, tmp_path):
    options = {"folder": str(tmp_path / "log"), "sampling_fraction": 1.0}
    server = start(tiny_bundle.folder, inference_log=options)
    url = f"{server.address}/serving-endpoints/mnist_cnn/invocations"
    body = {"instances": tiny_bundle.golden().images[:1].tolist()}
    good = httpx.post(url, json=body, headers={"x-client-request-id": "from-the-header"})
    named = httpx.post(url, json=body | {"client_request_id": "in the body"})
    bad = httpx.post(url, json={"instances": [[[0.5]]]})
    httpx.get(f"{server.address}/version")
    server.process.terminate()
    server.process.wait(timeout=20)

    first, second, third = rows(tmp_path / "log")
    for row, response in ((first, good), (second, named), (third, bad)):
        assert set(row) == COLUMNS
        assert row["databricks_request_id"] == response.headers["x-request-id"]
        assert json.loads(row["request"]) == json.loads(response.request.content)
        assert json.loads(row["response"]) == response.json()
        assert row["status_code"] == response.status_code
        assert (row["served_entity_id"], row["requester"]) == ("mnist_cnn-7", None)
        assert isinstance(row["execution_duration_ms"], int)
        when = datetime.fromisoformat(row["request_time"])
        assert when.utcoffset().total_seconds() == 0
        assert row["request_date"] == when.date().isoformat()
        assert (row["sampling_fraction"], row["logging_error_codes"]) == (1.0, [])
    assert [row["client_request_id"] for row in (first, second, third)] == [
        *("from-the-header", "in the body", None),
    ]


def test_the_log_is_off_by_default(server, tiny_bundle, tmp_path):
    body = {"instances": tiny_bundle.golden().images[:1].tolist()}
    assert httpx.post(f"{server.address}/invocations", json=body).status_code == 200
    (worker,) = server.workers()
    assert not [file for file in worker.open_files() if "inference" in file.path]


@pytest.mark.parametrize("fraction", [0.0, 0.2, 1.0])
def test_the_sample_has_the_fraction_that_is_configured(tmp_path, fraction):
    log = InferenceLog(tmp_path, fraction, "m-1")
    share = sum(log.should_sample() for _ in range(10_000)) / 10_000
    assert share == pytest.approx(fraction, abs=0.05)
    log.close()


def test_on_a_full_disk_lines_are_dropped_and_counted(tmp_path):
    day = datetime.now(UTC).date().isoformat()
    (tmp_path / f"inference-{day}-{os.getpid()}-1.jsonl").symlink_to("/dev/full")
    log = InferenceLog(tmp_path, 1.0, "m-1")
    log.submit(logged_request(1))
    log.submit(logged_request(2))
    log.close()
    assert log.take_dropped_count() == 2
    assert log.take_dropped_count() == 0
    assert len(list(tmp_path.iterdir())) == 1  # no further file for a lost line


def test_once_the_disk_has_room_again_lines_are_written(tmp_path):
    path = tmp_path / f"inference-{datetime.now(UTC).date()}-{os.getpid()}-1.jsonl"
    path.symlink_to("/dev/full")
    log = InferenceLog(tmp_path, 1.0, "m-1")
    log.submit(logged_request(1))
    until = time.monotonic() + 10
    while not log.take_dropped_count() and time.monotonic() < until:
        time.sleep(0.01)
    path.unlink()
    log.submit(logged_request(2))
    log.close()
    assert [row["databricks_request_id"] for row in rows(tmp_path)] == ["2"]


def test_the_folder_keeps_the_newest_files_and_they_are_private(tmp_path, monkeypatch):
    monkeypatch.setattr(inference_log, "_MAX_FILE_BYTES", 0)
    monkeypatch.setattr(inference_log, "_MAX_FILES", 3)
    log = InferenceLog(tmp_path, 1.0, "m-1")
    for number in range(6):
        log.submit(logged_request(number))
    log.close()
    assert {row["databricks_request_id"] for row in rows(tmp_path)} == {"3", "4", "5"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_disk_that_hangs_does_not_block_requests(tmp_path):
    fifo = tmp_path / f"inference-{datetime.now(UTC).date()}-{os.getpid()}-1.jsonl"
    os.mkfifo(fifo)  # opening it blocks for as long as nobody reads
    log = InferenceLog(tmp_path, 1.0, "m-1")
    for number in range(3000):
        log.submit(logged_request(number))
    assert log.take_dropped_count() >= 1000


def test_too_large_a_body_is_left_out_and_reported(tmp_path):
    log = InferenceLog(tmp_path, 1.0, "m-1")
    log.submit(logged_request(1, request=b" " * (2**20 + 1)))
    log.close()
    (row,) = rows(tmp_path)
    assert (row["request"], row["response"]) == (None, "[]")
    assert row["logging_error_codes"] == ["MAX_REQUEST_SIZE_EXCEEDED"]
