"""The server that forks the processes of workspaces: what it inherits, and what if it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all

PROJECT = Path(__file__).parents[3]
PROBE = "test_isolated_process.Probe"  # an adapter that returns what it sees


@pytest.fixture
def start(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield lambda name: IsolatedAdapter(PROBE, {"greeting": name}, {"PROBE_TOKEN": "none"})
    end_all()


def _server(adapter):
    return psutil.Process(adapter.pid()).parent()


def test_one_server_forks_the_processes_of_all_workspaces(start):
    first, second = start("first"), start("second")
    assert _server(first) == _server(second)
    assert _server(first).ppid() == os.getpid()


def test_a_process_has_the_environment_of_its_own_start(start, monkeypatch):
    first = start("first")
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    assert start("second").environment()["LANG"] == "pt_BR.UTF-8"
    assert first.environment()["LANG"] != "pt_BR.UTF-8"


def test_the_processes_outlive_a_killed_server(start):
    first = start("first")
    server = _server(first)
    server.kill()
    server.wait()
    assert first.greet("Ada", mark="") == "first Ada"
    assert start("second").greet("Ada", mark="") == "second Ada"
    with pytest.raises(RegistryError, match="ended during die"):
        first.die()
    assert start("first").greet("Ada", mark="") == "first Ada"


def test_a_server_that_is_killed_before_it_forks_is_one_line(start):
    adapter = start("first")
    (server,) = psutil.Process().children()
    server.kill()
    with pytest.raises(RegistryError, match=r"ended during greet \(status -9\), expected a result"):
        adapter.greet("Ada", mark="")
    assert start("first").greet("Ada", mark="") == "first Ada"


def test_the_server_ends_with_the_processes(start):
    server = _server(start("first"))
    end_all()
    assert not server.is_running()


@pytest.mark.parametrize(
    ("arguments", "servers"),
    [
        (["run", "--pipelines", "train"], 0),
        (["run", "--pipelines", "history"], 1),
        (["run", "--env=azure", "--pipelines=ingest_mnist,register_remote"], 1),
        (["run", "--params", "history.limit=3"], 0),
    ],
)
def test_a_command_that_calls_a_workspace_at_once_starts_the_one_server_first(arguments, servers):
    code = """
from pathlib import Path
import psutil
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import settings
settings.HOOKS
servers = psutil.Process().children()
print(len(servers))
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
IsolatedAdapter("crosscloud_mnist.adapters.mlflow.MlflowRegistry", {"uri": "sqlite://"}, {})
assert len({*servers, *psutil.Process().children()}) == 1
"""
    found = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(found.stdout) == servers
