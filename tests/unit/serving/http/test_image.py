"""Image uploads: any error of a decoder is the client's; few are decoded at the same time."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.exceptions import HTTPException

from crosscloud_mnist.serving.http import image
from crosscloud_mnist.serving.http.body_limits import BodyBudget
from crosscloud_mnist.serving.http.image import ImageEndpoint
from rehearsal.mnist_contract import mnist_contract

ERRORS = [RuntimeError("x"), MemoryError(), RecursionError(), OSError(), KeyError("x"), EOFError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("decode", [image._to_model_input, image._trace_steps])
def test_any_error_of_a_decoder_is_400(monkeypatch, error, decode):
    from crosscloud_mnist import preprocessing
    from crosscloud_mnist.preprocessing import steps

    def fail(content):
        raise error

    monkeypatch.setattr(preprocessing, "open_image", fail)
    monkeypatch.setattr(steps, "open_image", fail)
    with pytest.raises(HTTPException) as raised:
        decode(b"", mnist_contract())
    assert raised.value.status_code == 400


@pytest.fixture
def slow_decoder():
    """A decoder that waits, the event that ends it, and what it decodes."""
    go_on, active = threading.Event(), []

    def decode(content, _contract):
        active.append(content)
        go_on.wait(10)
        return active.remove(content)

    yield go_on, active, decode
    go_on.set()


def test_one_image_is_decoded_at_a_time_and_the_others_get_503(monkeypatch, slow_decoder):
    go_on, active, decode = slow_decoder
    monkeypatch.setattr(image, "_WAIT_SECONDS", 0.1)

    async def decode_three():
        endpoint = ImageEndpoint(None, BodyBudget(), mnist_contract())
        first = asyncio.create_task(endpoint._decode(b"1", decode))
        await asyncio.sleep(0.01)
        others = await asyncio.gather(
            endpoint._decode(b"2", decode), endpoint._decode(b"3", decode), return_exceptions=True
        )
        assert active == [b"1"]
        go_on.set()
        await first
        await endpoint._decode(b"4", decode)
        return others

    assert [error.status_code for error in asyncio.run(decode_three())] == [503, 503]


def test_an_image_that_takes_too_long_is_400_and_keeps_its_place_until_it_ends(
    monkeypatch, slow_decoder
):
    go_on, active, decode = slow_decoder
    monkeypatch.setattr(image, "_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(image, "_DECODE_SECONDS", 0.1)

    async def decode_two():
        endpoint = ImageEndpoint(None, BodyBudget(), mnist_contract())
        late, waiting = await asyncio.gather(
            endpoint._decode(b"1", decode), endpoint._decode(b"2", decode), return_exceptions=True
        )
        assert active == [b"1"]
        go_on.set()
        return late, waiting

    late, waiting = asyncio.run(decode_two())
    assert (late.status_code, waiting.status_code) == (400, 503)
