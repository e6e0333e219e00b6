"""Batching: concurrent requests are predicted together, and each gets its own result."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from uvicorn import Config, Server

from crosscloud_mnist.serving.http.app import create_app
from crosscloud_mnist.serving.http.http_protocol import IN_FLIGHT, BoundedHttpProtocol
from crosscloud_mnist.serving.http.payload import ImageDecoder
from crosscloud_mnist.serving.inference.batching import Batcher

pytestmark = pytest.mark.process

MAX_INLINE_BATCH = 10


class Model:
    """Predicts ten times the first pixel of each image; records batch sizes and threads."""

    def __init__(self):
        self.counts, self.threads = [], set()

    def predict(self, images):
        self.counts.append(len(images))
        self.threads.add(threading.current_thread())
        if (images[:, 0, 0] == 255).any():
            raise RuntimeError("out of memory")
        return np.repeat(images[:, 0, :1], 10, axis=1).astype(np.float32)


def images(*first_pixels):
    return np.repeat(np.array(first_pixels, np.uint8), 28 * 28).reshape(-1, 28, 28)


def expected(requests):
    return [[[first] * 10 for first in request] for request in requests]


def predict(model, *requests, is_only_request=False):
    async def predict_concurrently():
        batcher = Batcher(model.predict, MAX_INLINE_BATCH)
        calls = (
            batcher.predict(images(*request), is_only_request=is_only_request)
            for request in requests
        )
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(predict_concurrently())


def test_requests_that_wait_together_share_a_batch_and_get_their_own_results():
    model = Model()
    requests = [(1,), (2, 3), (4,), (5, 6, 7)]
    assert predict(model, *requests) == expected(requests)
    assert model.counts == [7]


def test_a_batch_holds_no_more_images_than_the_limit():
    model = Model()
    requests = [(1,) * 4, (2,) * 4, (3,) * 4, (4,) * 4, (5,) * 10]
    assert predict(model, *requests) == expected(requests)
    assert model.counts == [8, 8, 10]


def test_the_only_request_is_predicted_at_once():
    model = Model()
    assert predict(model, (1,), (2,), is_only_request=True) == [[[1] * 10], [[2] * 10]]
    assert model.counts == [1, 1]


def test_many_images_are_predicted_in_a_thread():
    model = Model()
    predict(model, (1,) * (MAX_INLINE_BATCH + 1))
    assert threading.main_thread() not in model.threads


def test_where_a_batch_fails_each_request_gets_its_own_result():
    model = Model()
    first, bad, last = predict(model, (1,) * 6, (255,), (2,) * 3)
    assert (first, last) == ([[1] * 10] * 6, [[2] * 10] * 3)
    assert str(bad) == "out of memory"
    assert model.counts == [10, 6, 1, 3]


def test_the_application_batches_requests_that_are_in_flight_together(contract):
    class Named(Model):
        name, version, digest, max_inline_batch = "mnist_cnn", "7", "ab" * 32, MAX_INLINE_BATCH

    def predict_two(in_flight: int) -> tuple[list[int], list[bytes]]:
        model, bodies = Named(), []
        model.contract, model.decode = contract, ImageDecoder(contract.image_shape).decode
        application = create_app(model)

        async def post(first: int) -> None:
            body = json.dumps({"instances": images(first).tolist()}).encode()

            async def receive():
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message):
                bodies.append(message.get("body", b""))

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/invocations",
                "query_string": b"",
                "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
                "state": {IN_FLIGHT: set(range(in_flight))},
            }
            await application(scope, receive, send)

        async def both():
            await asyncio.gather(post(3), post(4))

        asyncio.run(both())
        return model.counts, [body for body in bodies if body]

    batched, separate = predict_two(2), predict_two(1)
    assert (batched[0], separate[0]) == ([2], [1, 1])
    assert [json.loads(body)["predictions"][0][0] for body in batched[1]] == [3, 4]
    assert batched[1] == separate[1]


def test_the_protocol_counts_the_requests_in_flight(free_port):
    async def count_in_flight():
        counts = []

        async def application(scope, receive, send):
            counts.append(len(scope["state"][IN_FLIGHT]))
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
        return counts

    assert max(asyncio.run(count_in_flight())) == 3


def test_under_load_each_request_gets_the_predictions_of_its_own_images(server, tiny_bundle):
    golden = tiny_bundle.golden()
    with httpx.Client(base_url=server.address, limits=httpx.Limits(max_connections=32)) as http:

        def difference(number: int) -> float:
            chosen = slice(number % 7, number % 7 + 1 + number % 3)
            body = {"instances": golden.images[chosen].tolist()}
            rows = http.post("/invocations", json=body).raise_for_status().json()["predictions"]
            return float(np.abs(np.array(rows) - golden.expected[chosen]).max())

        with ThreadPoolExecutor(32) as pool:
            assert max(pool.map(difference, range(600))) < 1e-4
