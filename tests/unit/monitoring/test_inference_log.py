"""Predictions from an inference log: rows without images and probabilities are counted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from crosscloud_mnist.monitoring import read_predictions
from rehearsal.mnist_contract import mnist_contract

IMAGE = np.zeros((28, 28), int).tolist()
PROBABILITIES = [0.1] * 10
DEEP = "[" * 200_000 + "]" * 200_000


def log(*pairs):
    rows = [
        {"status_code": 200, "request": request, "response": response, "served_entity_id": "a-1"}
        for request, response in pairs
    ]
    return pd.DataFrame(rows)


def body(image=IMAGE):
    return json.dumps({"instances": [image]})


def reply(probabilities=PROBABILITIES):
    return json.dumps({"predictions": [probabilities]})


@pytest.mark.parametrize(
    ("request_text", "response_text"),
    [
        (f'{{"instances": {DEEP}}}', reply()),
        (body(), f'{{"predictions": {DEEP}}}'),
        (body([[10**400] * 28] * 28), reply()),
        (body(), reply([10**400] * 10)),
        (f'{{"instances": {"9" * 5000}}}', reply()),
        (body([[float("nan")] * 28] * 28), reply()),
        (body(), reply([float("nan")] * 10)),
        (body([[1] * 27] * 28), reply()),
        (body(), reply([0.5] * 9)),
        ("[]", reply()),
        ("7", reply()),
        (body(), "null"),
        (None, reply()),
    ],
    ids=range(13),
)
def test_a_row_without_valid_images_and_probabilities_is_unreadable(request_text, response_text):
    logged = read_predictions(
        log((body(), reply()), (request_text, response_text)), mnist_contract(), "a-1"
    )
    assert (logged.requests, logged.unreadable, len(logged.images)) == (2, 1, 1)
    np.testing.assert_array_equal(logged.probabilities, [PROBABILITIES])


def test_images_under_the_name_of_the_models_input_are_read():
    image = np.full((28, 28), 7).tolist()
    forms = ({"instances": [{"images": image}]}, {"inputs": {"images": [image]}})
    logged = read_predictions(
        log(*((json.dumps(form), reply()) for form in forms)), mnist_contract(), "a-1"
    )
    assert (logged.unreadable, logged.images.shape) == (0, (2, 28, 28))
    assert (logged.images == 7).all()
