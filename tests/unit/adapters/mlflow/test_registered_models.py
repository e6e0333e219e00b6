"""A registered model is looked up before it is created."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from crosscloud_mnist.adapters.mlflow.registered_models import ensure_registered

ABSENT = ("RESOURCE_DOES_NOT_EXIST",)


class Registry:
    """Fails each request with the code given for it."""

    def __init__(self, **codes):
        self.codes, self.requests = codes, []

    def get_registered_model(self, name):
        return self._respond("get")

    def create_registered_model(self, name, description):
        return self._respond("create")

    def _respond(self, request):
        self.requests.append(request)
        if code := self.codes.get(request):
            raise MlflowException("refused", ErrorCode.Value(code))
        return object()


def test_a_model_that_exists_is_not_created():
    registry = Registry(create="PERMISSION_DENIED")
    ensure_registered(registry, "m", ABSENT)
    assert registry.requests == ["get"]


@pytest.mark.parametrize("codes", [{}, {"create": "RESOURCE_ALREADY_EXISTS"}])
def test_a_model_that_does_not_exist_is_created_by_this_run_or_another(codes):
    registry = Registry(get="RESOURCE_DOES_NOT_EXIST", **codes)
    ensure_registered(registry, "m", ABSENT)
    assert registry.requests == ["get", "create"]


@pytest.mark.parametrize(
    "codes",
    [
        {"get": "PERMISSION_DENIED"},
        {"get": "RESOURCE_DOES_NOT_EXIST", "create": "PERMISSION_DENIED"},
    ],
)
def test_a_refusal_is_an_error(codes):
    with pytest.raises(MlflowException, match="refused"):
        ensure_registered(Registry(**codes), "m", ABSENT)
