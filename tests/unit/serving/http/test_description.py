"""What the endpoint says of its model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest

from crosscloud_mnist.serving.http.app import create_app
from crosscloud_mnist.serving.settings import parse_settings
from rehearsal.mnist_contract import mnist_contract


async def fetch_version(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return (await http.get("/version")).json()


@pytest.mark.parametrize(
    ("options", "expected"), [({}, 0.75), ({"min_confidence": 0.0}, 0.0)], ids=["default", "set"]
)
def test_a_person_checks_below_the_bound_of_the_contract_unless_a_setting_has_another(
    options, expected
):
    contract = replace(mnist_contract(), min_probability=0.75)
    model = SimpleNamespace(
        name="mnist_cnn",
        version="7",
        digest="ab" * 32,
        card={},
        contract=contract,
        predict=None,
        decode=None,
        max_inline_batch=1,
    )
    settings = parse_settings({"name": "mnist_cnn", **options})
    app = create_app(model, min_confidence=settings.min_confidence)
    assert asyncio.run(fetch_version(app))["min_confidence"] == expected
