"""An experiment is found or created, or one line says who has its name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from crosscloud_mnist.adapters.mlflow.experiments import Experiments
from crosscloud_mnist.errors import RegistryError


class Tracking:
    """A tracking server with at most one experiment."""

    def __init__(self, stage=None, code=None):
        self.stage, self.code = stage, code

    def get_experiment_by_name(self, name):
        if self.stage is None:
            return None
        return SimpleNamespace(experiment_id="7", name=name, lifecycle_stage=self.stage)

    def create_experiment(self, name, artifact_location):
        if self.code:
            raise MlflowException("Node named 'x'\nalready exists", ErrorCode.Value(self.code))
        return "8"


@pytest.mark.parametrize(("tracking", "id_"), [(Tracking("active"), "7"), (Tracking(), "8")])
def test_an_experiment_is_found_or_created(tracking, id_):
    assert Experiments(None).get_id(tracking, "/Shared/x") == id_


def test_a_deleted_experiment_is_one_line_that_says_how_to_restore_it():
    with pytest.raises(RegistryError, match="is deleted, expected an active one: restore") as info:
        Experiments(None).get_id(Tracking("deleted"), "/Shared/x")
    assert "--experiment-id 7" in str(info.value)


@pytest.mark.parametrize("code", ["RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE"])
def test_a_path_that_a_notebook_or_a_folder_has_is_one_line(code):
    with pytest.raises(RegistryError, match="/Shared/x cannot be created .* a notebook") as info:
        Experiments(None).get_id(Tracking(code=code), "/Shared/x")
    assert "\n" not in str(info.value)


def test_a_missing_permission_is_not_mistaken_for_a_taken_path():
    with pytest.raises(MlflowException):
        Experiments(None).get_id(Tracking(code="PERMISSION_DENIED"), "/Shared/x")
