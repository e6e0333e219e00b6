"""No checker can fail the run before it has checked."""

from __future__ import annotations

import time

from kedro.io import DataCatalog

from crosscloud_mnist.datasets.checkers import CheckersDataset
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.ports import Check

OWN = f"{__name__}."


class Good:
    def __init__(self, *, roles):
        self._roles = roles

    def check(self, earlier):
        return [Check("good", "roles", "passed", str(sorted(self._roles)))]


class Refusing:
    def __init__(self):
        raise ConfigurationError("no host, expected one; set it")


class Hanging:
    def check(self, earlier):
        time.sleep(60)


def load(monkeypatch, **checkers):
    kinds = {"good": Good, "refusing": Refusing, "hanging": Hanging}
    monkeypatch.setattr("crosscloud_mnist.datasets.port.load_obj", kinds.__getitem__)
    return CheckersDataset(checkers=checkers, timeout_seconds=0.2).load()


def test_a_checker_that_cannot_be_built_is_a_failed_check(monkeypatch):
    checkers = load(monkeypatch, refusing={"adapter": "refusing"})
    assert checkers["refusing"].check([]) == [
        Check("refusing", "all checks", "failed", "no host", "one", "set it")
    ]


def test_a_checker_that_hangs_is_a_failed_check(monkeypatch):
    (check,) = load(monkeypatch, hanging={"adapter": "hanging"})["hanging"].check([])
    assert (check.status, check.name) == ("failed", "all checks")
    assert "no result within" in check.found


def test_an_adapter_that_does_not_exist_is_a_failed_check():
    (check,) = CheckersDataset(checkers={"x": {"adapter": "no.such"}}).load()["x"].check([])
    assert check.status == "failed"


def test_credentials_of_each_role_are_resolved_and_never_shown(monkeypatch):
    config = {
        "checkers": {
            "type": "crosscloud_mnist.datasets.checkers.CheckersDataset",
            "checkers": {
                "good": {
                    "adapter": "good",
                    "credentials": {"roles": {"source": {"credentials": "source"}}},
                }
            },
        }
    }
    catalog = DataCatalog.from_config(config, {"source": {"DATABRICKS_TOKEN": "dapi-secret"}})
    monkeypatch.setattr("crosscloud_mnist.datasets.port.load_obj", {"good": Good}.__getitem__)
    (check,) = catalog.load("checkers")["good"].check([])
    assert check.found == "['source']"
    assert "dapi-secret" not in f"{catalog['checkers']} {catalog.to_config()[0]}"
