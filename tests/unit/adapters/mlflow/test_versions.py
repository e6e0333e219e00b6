"""What does not exist is ``None``; what may not be read, or fails, is an error."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from crosscloud_mnist.adapters.databricks.versions import UnityCatalogVersions
from crosscloud_mnist.adapters.mlflow.base_versions import get_or_none
from crosscloud_mnist.adapters.mlflow.mlflow_versions import MlflowVersions


class FailingClients:
    """A workspace whose registry fails each request with one error code."""

    def __init__(self, code):
        self._error = MlflowException("of the registry", code)

    def registry_client(self):
        return nullcontext(self)

    def get_model_version(self, name, version):
        raise self._error

    def get_model_version_by_alias(self, name, alias):
        raise self._error


def open_mlflow(code):
    return MlflowVersions(FailingClients(code), None, "mnist")


def unity_catalog(code):
    return UnityCatalogVersions(FailingClients(code))


DENIED, INVALID, ABSENT, NOT_FOUND = (
    ErrorCode.Value(name)
    for name in (
        "PERMISSION_DENIED",
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        "NOT_FOUND",
    )
)


def test_a_result_is_returned_and_an_absent_one_is_none():
    def fail():
        raise MlflowException("", ABSENT)

    assert get_or_none(lambda: 3, ()) == 3
    assert get_or_none(fail, ("RESOURCE_DOES_NOT_EXIST",)) is None
    with pytest.raises(MlflowException):
        get_or_none(fail, ("NOT_FOUND",))


@pytest.mark.parametrize(
    ("open_versions", "code"),
    [(open_mlflow, ABSENT), (open_mlflow, INVALID), (unity_catalog, ABSENT)],
)
def test_an_alias_that_no_version_has_is_none(open_versions, code):
    assert open_versions(code).get_version_by_alias("mnist_cnn", "champion") is None


@pytest.mark.parametrize("open_versions", [open_mlflow, unity_catalog])
def test_a_champion_that_may_not_be_read_is_an_error_and_not_absent(open_versions):
    with pytest.raises(MlflowException):
        open_versions(DENIED).get_version_by_alias("mnist_cnn", "champion")
    with pytest.raises(MlflowException):
        open_versions(DENIED).get_version("mnist_cnn", "3")


def test_each_registry_has_its_own_codes_for_what_is_absent():
    with pytest.raises(MlflowException):
        unity_catalog(INVALID).get_version_by_alias("mnist_cnn", "champion")
    with pytest.raises(MlflowException):
        open_mlflow(INVALID).get_version("mnist_cnn", "three")
    assert unity_catalog(NOT_FOUND).get_version("mnist_cnn", "3") is None
