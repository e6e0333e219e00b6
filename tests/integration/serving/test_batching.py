"""Requests that wait at the same time: each gets its own answer, and they share the work."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
from uvicorn import Config, Server

from crosscloud_mnist.serving.http.app import create_app
from crosscloud_mnist.serving.http.http_protocol import IN_FLIGHT, BoundedHttpProtocol
from crosscloud_mnist.serving.inference.batching import Batcher

MOST = 10


class Model:
    """TestPredictions each image with ten times its first pixel, and keeps how it was asked."""

    def __init__(self):
        self.counts, self.threads = [], set()

    def predict(self, images):
        self.counts.append(len(images))
        self.threads.add(threading.current_thread())
        if (images[:, 0, 0] == 255).any():
            raise RuntimeError("out of memory")
        return np.repeat(images[:, 0, :1], 10, axis=1).astype(np.float32)


def images(*firsts):
    return np.repeat(np.array(firsts, np.uint8), 28 * 28).reshape(-1, 28, 28)


def answered(model, *requests, alone=False):
    async def all_at_once():
        batcher = Batcher(model.predict, MOST)
        calls = (batcher.answer(images(*each), alone=alone) for each in requests)
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


def test_many_images_are_answered_beside_the_event_loop():
    model = Model()
    answered(model, (1,) * (MOST + 1))
    assert threading.main_thread() not in model.threads


def test_where_the_model_fails_each_is_asked_alone():
    model = Model()
    first, bad, last = answered(model, (1,) * 6, (255,), (2,) * 3)
    assert (first, last) == ([[1] * 10] * 6, [[2] * 10] * 3)
    assert str(bad) == "out of memory"
    assert model.counts == [10, 6, 1, 3]


def test_the_application_batches_those_that_the_protocol_counts_as_being_answered():
    class Named(Model):
        name, version, max_inline_batch = "mnist_cnn", "7", MOST

    def rows_of(in_flight: int) -> tuple[list[int], list[bytes]]:
        model, said = Named(), []
        application = create_app(model)

        async def ask(first: int) -> None:
            body = json.dumps({"instances": images(first).tolist()}).encode()

            async def receive():
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message):
                said.append(message.get("body", b""))

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/invocations",
                "query_string": b"",
                "headers": [(b"content-type", b"application/json")],
                "state": {IN_FLIGHT: set(range(in_flight))},
            }
            await application(scope, receive, send)

        async def both():
            await asyncio.gather(ask(1), ask(2))

        asyncio.run(both())
        return model.counts, [body for body in said if body]

    batched, alone = rows_of(2), rows_of(1)
    assert (batched[0], alone[0]) == ([2], [1, 1])
    assert [json.loads(body)["predictions"][0][0] for body in batched[1]] == [1, 2]
    assert batched[1] == alone[1]


def test_the_protocol_counts_what_is_being_answered(free_port):
    async def counted():
        seen = []

        async def application(scope, receive, send):
            seen.append(len(scope["state"][IN_FLIGHT]))
            await asyncio.sleep(0.2)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        port = free_port()
        config = Config(
            application, port=port, http=BoundedHttpProtocol, ws="none", log_level="error"
        )
        server = Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient() as http:
            await asyncio.gather(*(http.get(f"http://127.0.0.1:{port}/") for _ in range(3)))
        server.should_exit = True
        await serving
        return seen

    assert max(asyncio.run(counted())) == 3


def test_under_load_everyone_gets_the_answer_to_his_own_images(server, tiny_bundle):
    golden = tiny_bundle.golden()
    with httpx.Client(base_url=server.address, limits=httpx.Limits(max_connections=32)) as http:

        def wrong_by(number: int) -> float:
            chosen = slice(number % 7, number % 7 + 1 + number % 3)
            body = {"instances": golden.images[chosen].tolist()}
            rows = http.post("/invocations", json=body).raise_for_status().json()["predictions"]
            return float(np.abs(np.array(rows) - golden.expected[chosen]).max())

        with ThreadPoolExecutor(32) as pool:
            assert max(pool.map(wrong_by, range(600))) < 1e-4
