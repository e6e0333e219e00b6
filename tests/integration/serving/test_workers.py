"""Several processes behind one port: their figures add up, a lost one is replaced, all end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

ROUTE = "/invocations"


@pytest.fixture(scope="module")
def two(start, tiny_bundle):
    return start(tiny_bundle.folder, workers=2, log_requests=False)


def counted(address: str, start: str) -> float:
    text = httpx.get(f"{address}/metrics").text
    return sum(float(row.split()[-1]) for row in text.splitlines() if row.startswith(start))


def ask(server, body, timeout=20):
    """One call on a connection of its own."""
    return httpx.post(server.address + ROUTE, json=body, timeout=timeout).status_code


@pytest.fixture(scope="module")
def body(tiny_bundle):
    return {"instances": tiny_bundle.golden().images[:2].tolist()}


def test_both_answer_and_their_figures_add_up(two, body):
    used = [sum(worker.cpu_times()[:2]) for worker in two.workers()]
    assert len(used) == 2
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: ask(two, body), range(200))) == {200}
    time.sleep(0.5)  # a request is counted once its answer is out
    asked = f'http_request_duration_seconds_count{{route="{ROUTE}",status="200"}}'
    assert {counted(two.address, asked) for _ in range(10)} == {200}
    assert counted(two.address, "mnist_predicted_probability_count") == 400
    assert all(
        sum(worker.cpu_times()[:2]) > before
        for worker, before in zip(two.workers(), used, strict=True)
    )


def test_a_killed_worker_is_replaced_and_new_calls_wait_for_it(start, body):
    server = start()
    assert ask(server, body) == 200
    (worker,) = server.workers()
    worker.kill()
    worker.wait(timeout=5)
    assert ask(server, body) == 200
    (successor,) = server.workers()
    assert successor.pid != worker.pid
    asked = f'http_request_duration_seconds_count{{route="{ROUTE}",status="200"}}'
    time.sleep(0.5)
    assert counted(server.address, asked) == 2


def test_sigterm_answers_what_is_on_its_way(start, body):
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
