"""An update is awaited with its progress; one that fails is explained by its logs."""

from __future__ import annotations

import itertools
import logging
from types import SimpleNamespace

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.serving import ServingEndpointDetailed

from crosscloud_mnist.adapters.databricks import update
from crosscloud_mnist.adapters.databricks.endpoint_settings import EndpointSettings
from crosscloud_mnist.adapters.databricks.update import ConfigUpdate
from crosscloud_mnist.errors import EndpointError

LOG = "Collecting a\nCollecting no-such-package==1.0\nERROR: No matching distribution\n"


def describe(config_update, deployment="DEPLOYMENT_CREATING", message=""):
    state = {"deployment": deployment, "deployment_state_message": message}
    return {
        "state": {"ready": "NOT_READY", "config_update": config_update},
        "pending_config": {
            "served_entities": [
                {"name": "mnist_cnn-3", "state": state},
                {"name": "mnist_cnn-2", "state": {"deployment": "DEPLOYMENT_READY"}},
            ]
        },
    }


class Api:
    """An endpoint that passes through the states, and stays in the last one."""

    def __init__(self, *states, logs=LOG):
        self._states = itertools.chain(states, itertools.repeat(states[-1]))
        self._logs = logs

    def get(self, _name):
        return ServingEndpointDetailed.from_dict(next(self._states))

    def build_logs(self, _name, _entity_name):
        if self._logs is None:
            raise NotFound("there is no such log")
        return SimpleNamespace(logs=self._logs)

    def logs(self, _name, _entity_name):
        return SimpleNamespace(logs="")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Time that passes only while the code sleeps."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    monkeypatch.setattr(update, "time", clock)
    return clock


def wait(*states, build_log=None, logs=LOG, minutes=45):
    settings = EndpointSettings(name="mnist_cnn", build_log=build_log, update_minutes=minutes)
    ConfigUpdate(Api(*states, logs=logs), settings).wait()


def test_the_progress_of_a_long_update_is_shown(caplog):
    caplog.set_level(logging.INFO)
    creating = describe("IN_PROGRESS", message="Creating container image")
    wait(*[creating] * 40, describe("NOT_UPDATING"))
    messages = [record.getMessage() for record in caplog.records]
    assert 8 <= len(messages) <= 13  # one in 30 s
    assert "mnist_cnn-3 DEPLOYMENT_CREATING (Creating container image)" in messages[0]


def test_a_failed_build_is_explained_and_its_whole_log_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-secret-of-this-test")
    failed = describe("UPDATE_FAILED", "DEPLOYMENT_FAILED", "Container image creation failed.")
    path = tmp_path / "reporting" / "build_log.txt"
    logs = "pip install --index https://a:dapi-secret-of-this-test@index\n" + LOG
    with pytest.raises(EndpointError) as raised:
        wait(describe("IN_PROGRESS"), failed, build_log=path, logs=logs)
    message = str(raised.value)
    assert (
        "UPDATE_FAILED: mnist_cnn-3 DEPLOYMENT_FAILED (Container image creation failed.)" in message
    )
    assert "ERROR: No matching distribution" in message
    assert f"the whole log is in {path}" in message
    assert "mnist_cnn-2" not in message
    assert "\n" not in message
    written = path.read_text()
    assert "=== build log of mnist_cnn-3" in written
    assert LOG in written
    assert "dapi-secret-of-this-test" not in written + message


def test_a_log_that_cannot_be_read_does_not_hide_the_failure(tmp_path):
    failed = describe("UPDATE_FAILED", "DEPLOYMENT_FAILED", "Out of memory.")
    with pytest.raises(EndpointError, match=r"Out of memory\..*unreadable: there is no such log"):
        wait(failed, logs=None, build_log=tmp_path / "build_log.txt")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(EndpointError, match=r"Out of memory\..*could not be written"):
        wait(failed, build_log=blocked / "build_log.txt")


def test_an_update_that_does_not_end_fails_in_time(clock):
    with pytest.raises(EndpointError, match="still being updated after 120 s"):
        wait(describe("IN_PROGRESS"), minutes=2)
    assert 120 <= clock.now <= 131
