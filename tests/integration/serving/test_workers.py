"""Several processes behind one port: their metrics add up, a killed one is replaced, all end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

ROUTE = "/invocations"


@pytest.fixture(scope="module")
def two_workers(start, tiny_bundle):
    return start(tiny_bundle.folder, workers=2, log_requests=False)


def read_metric(address: str, start: str) -> float:
    text = httpx.get(f"{address}/metrics").text
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(start))


def predict(server, body, timeout=20):
    """One call on a connection of its own."""
    return httpx.post(server.address + ROUTE, json=body, timeout=timeout).status_code


@pytest.fixture(scope="module")
def body(tiny_bundle):
    return {"instances": tiny_bundle.golden().images[:2].tolist()}


def test_both_answer_and_their_metrics_add_up(two_workers, body):
    seconds_before = [sum(worker.cpu_times()[:2]) for worker in two_workers.workers()]
    assert len(seconds_before) == 2
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: predict(two_workers, body), range(200))) == {200}
    time.sleep(0.5)  # a request is counted once its answer is out
    count = f'http_request_duration_seconds_count{{route="{ROUTE}",status="200"}}'
    assert {read_metric(two_workers.address, count) for _ in range(10)} == {200}
    assert read_metric(two_workers.address, "mnist_predicted_probability_count") == 400
    assert all(
        sum(worker.cpu_times()[:2]) > before
        for worker, before in zip(two_workers.workers(), seconds_before, strict=True)
    )


def test_a_killed_worker_is_replaced_and_new_calls_wait_for_it(start, body):
    server = start()
    assert predict(server, body) == 200
    (worker,) = server.workers()
    worker.kill()
    worker.wait(timeout=5)
    assert predict(server, body) == 200
    (successor,) = server.workers()
    assert successor.pid != worker.pid
    count = f'http_request_duration_seconds_count{{route="{ROUTE}",status="200"}}'
    time.sleep(0.5)
    assert read_metric(server.address, count) == 2


def test_sigterm_lets_a_request_that_has_begun_finish(start, body):
    server = start()
    with httpx.Client(base_url=server.address, timeout=20) as client:
        client.get("/health")

        def slowly():
            yield b'{"instances":'
            time.sleep(1)
            server.process.terminate()
            time.sleep(1)
            yield str(body["instances"]).encode() + b"}"

        headers = {"content-type": "application/json"}
        answer = client.post(ROUTE, content=slowly(), headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert server.process.wait(timeout=20) == 0


def test_workers_end_with_a_killed_supervisor(start, body):
    server = start()
    (worker,) = server.workers()
    server.process.kill()
    server.process.wait()
    _, alive = psutil.wait_procs([worker], timeout=10)
    assert not alive
