"""Which commands start the fork server before Kedro is imported."""

from __future__ import annotations

import pytest

from crosscloud_mnist.isolation import early_start
from crosscloud_mnist.pipeline_registry import register_pipelines


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        (["run", "--pipelines", "history"], True),
        (["run", "--env=azure", "--pipelines=ingest_mnist,register_remote"], True),
        (["run", "--pipelines", "ingest_mnist, history"], True),
        (["run", "--pipeline", "deploy"], True),
        (["run", "-p", "release"], True),
        (["run", "--pipelines", "train"], False),
        (["run", "--params", "x=--pipelines history"], False),
        (["run", "--pipelines"], False),
        ([], False),
    ],
)
def test_one_that_calls_a_workspace_first(monkeypatch, arguments, starts):
    started = []
    monkeypatch.setattr(early_start, "get_server", lambda: started.append(True))
    early_start.prepare_processes(arguments)
    assert bool(started) is starts


def test_a_server_that_cannot_start_is_left_to_the_first_call(monkeypatch):
    def fail():
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(early_start, "get_server", fail)
    early_start.prepare_processes(["--pipelines", "history"])


def test_the_pipelines_that_call_a_workspace_first_exist():
    assert set(register_pipelines()) >= early_start._CALL_A_WORKSPACE_FIRST
