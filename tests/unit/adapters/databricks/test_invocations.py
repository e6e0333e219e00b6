"""What the samples of a canary's traffic must show."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from crosscloud_mnist.adapters.databricks.invocations import Invocations
from crosscloud_mnist.adapters.databricks.served_entities import ServedVersion
from crosscloud_mnist.bundle import Golden
from crosscloud_mnist.errors import EndpointError

CANARY = ServedVersion.new("data_masters.deploy.served", "2")
GOLDEN = Golden(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8), np.full((1, 10), 0.1))


class Api:
    """Responds in the name of each of the served entities in turn."""

    def __init__(self, *entities):
        self._entities, self.requests = itertools.cycle(entities), 0

    def do(self, *_, **__):
        self.requests += 1
        return {"predictions": [[0.1] * 10], "served-model-name": next(self._entities)}


def sample(api, percent):
    invocations = Invocations(api, "mnist_cnn", "https://host/mnist_cnn", cold_start_seconds=0)
    invocations.sample_canary(CANARY, GOLDEN, percent)


def test_a_canary_that_never_responds_is_an_error():
    api = Api("served-1")
    with pytest.raises(EndpointError, match="version 2 at .* responded to none of 80 requests"):
        sample(api, percent=25)
    assert api.requests == 80


def test_the_sample_ends_with_the_third_response_of_the_canary():
    api = Api("served-1", "served-1", "served-1", "served-2")
    sample(api, percent=25)
    assert api.requests == 12


def test_a_version_with_another_number_of_classes_than_its_golden_set_is_rejected():
    invocations = Invocations(Api("served-2"), "fruit_cnn", "https://host/fruit_cnn", 0)
    golden = Golden(GOLDEN.images, GOLDEN.labels, np.full((1, 3), 1 / 3, np.float32))
    with pytest.raises(EndpointError, match="returned 10 probabilities for an image, expected 3"):
        invocations.verify(CANARY, golden)
