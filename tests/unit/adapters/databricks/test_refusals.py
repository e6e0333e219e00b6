"""A refused change names the registered model, its owner and what is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from crosscloud_mnist.adapters.databricks.refusals import name_owner
from crosscloud_mnist.errors import RegistryError


class Identity:
    """An identity of a workspace, where a look-up of the model gives the result."""

    def __init__(self, found):
        self._found = found

    def workspace(self):
        return "https://w"

    def user(self):
        return "promoter"

    def sdk(self):
        def get(name):
            if isinstance(self._found, Exception):
                raise self._found
            return SimpleNamespace(owner=self._found)

        return SimpleNamespace(registered_models=SimpleNamespace(get=get))


def refuse(identity, model, code="PERMISSION_DENIED"):
    with name_owner(identity, model):
        raise MlflowException("no MANAGE\non it", ErrorCode.Value(code))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("the-owner", "promoter may not change .* a.b.c in https://w, which the-owner owns"),
        (PermissionDenied("no"), "which somebody else owns"),
        (NotFound("no"), "promoter may not create the registered model a.b.c .*CREATE MODEL"),
    ],
)
def test_a_refusal_is_one_line_with_the_owner(found, message):
    with pytest.raises(RegistryError, match=message) as raised:
        refuse(Identity(found), "a.b.c")
    assert "\n" not in str(raised.value)
    assert "docs/permissions.md" in str(raised.value)


@pytest.mark.parametrize(
    ("model", "code"), [(None, "PERMISSION_DENIED"), ("a.b.c", "RESOURCE_DOES_NOT_EXIST")]
)
def test_any_other_error_is_raised_as_it_is(model, code):
    with pytest.raises(MlflowException):
        refuse(Identity("the-owner"), model, code)
