"""Requests that wait at the same time: each gets its own answer, and they share the work."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from crosscloud_mnist.serving.batching import Batcher

MOST = 10


class Model:
    """Answers each picture with ten times its first pixel, and keeps how it was asked."""

    def __init__(self):
        self.counts, self.threads = [], set()

    def predict(self, pictures):
        self.counts.append(len(pictures))
        self.threads.add(threading.current_thread())
        if (pictures[:, 0, 0] == 255).any():
            raise RuntimeError("out of memory")
        return np.repeat(pictures[:, 0, :1], 10, axis=1).astype(np.float32)


def pictures(*firsts):
    return np.repeat(np.array(firsts, np.uint8), 28 * 28).reshape(-1, 28, 28)


def answered(model, *requests, alone=False):
    async def all_at_once():
        batcher = Batcher(model.predict, MOST)
        calls = (batcher.answer(pictures(*each), alone=alone) for each in requests)
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_at_once())


def test_those_that_wait_together_are_answered_together_each_with_its_own():
    model = Model()
    requests = [(1,), (2, 3), (4,), (5, 6, 7)]
    assert answered(model, *requests) == [[[first] * 10 for first in each] for each in requests]
    assert model.counts == [7]


def test_no_more_than_the_most_at_once():
    model = Model()
    requests = [(1,) * 4, (2,) * 4, (3,) * 4, (4,) * 4, (5,) * 10]
    assert answered(model, *requests) == [[[first] * 10 for first in each] for each in requests]
    assert model.counts == [8, 8, 10]


def test_one_alone_waits_for_nobody():
    model = Model()
    assert answered(model, (1,), (2,), alone=True) == [[[1] * 10], [[2] * 10]]
    assert model.counts == [1, 1]


def test_many_pictures_are_answered_beside_the_event_loop():
    model = Model()
    answered(model, (1,) * (MOST + 1))
    assert threading.main_thread() not in model.threads


def test_where_the_model_fails_the_others_are_answered_alone():
    model = Model()
    failed, bad, good = answered(model, (1,) * 6, (255,), (2,) * 3)
    assert [str(error) for error in (failed, bad)] == ["out of memory"] * 2
    assert good == [[2] * 10] * 3
    assert model.counts == [10, 1, 3]


def test_under_load_everyone_gets_the_answer_to_his_own_pictures(server, tiny_bundle):
    golden = tiny_bundle.golden()
    with httpx.Client(base_url=server.address, limits=httpx.Limits(max_connections=32)) as http:

        def wrong_by(number: int) -> float:
            chosen = slice(number % 7, number % 7 + 1 + number % 3)
            body = {"instances": golden.pictures[chosen].tolist()}
            rows = http.post("/invocations", json=body).raise_for_status().json()["predictions"]
            return float(np.abs(np.array(rows) - golden.expected[chosen]).max())

        with ThreadPoolExecutor(32) as pool:
            assert max(pool.map(wrong_by, range(600))) < 1e-4
