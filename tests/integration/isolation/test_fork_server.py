"""The server that forks the processes of workspaces: what it inherits, and what if it is killed."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.isolation import fork_server
from crosscloud_mnist.isolation.fork_client import ForkedProcess
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
    before = set(psutil.Process().children())
    adapter = start("first")
    (server,) = set(psutil.Process().children()) - before
    server.kill()
    with pytest.raises(RegistryError, match=r"ended during greet \(status -9\), expected a result"):
        adapter.greet("Ada", mark="")
    assert start("first").greet("Ada", mark="") == "first Ada"


def test_every_server_ends_with_the_processes(start, monkeypatch):
    servers = []
    for language in ("C", "pt_BR.UTF-8", "en_GB.UTF-8"):
        monkeypatch.setenv("LANG", language)
        servers.append(_server(start(language)))
    assert len({server.pid for server in servers}) == 3
    end_all()
    assert not psutil.wait_procs(servers, timeout=5)[1]


def test_the_end_does_not_wait_for_an_import(start):
    start("first")
    began = time.monotonic()
    end_all()
    assert time.monotonic() - began < 1  # of an import that takes longer


def test_the_server_ends_where_sigterm_is_ignored(start):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        server = _server(start("first"))
        end_all()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not server.is_running()


def test_several_threads_learn_the_same_exit_status(start):
    first = start("first")
    os.kill(first.pid(), signal.SIGKILL)
    process = first._process._child
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: process.wait(5), range(8))) == {-signal.SIGKILL}
        assert set(pool.map(lambda _: process.poll(), range(8))) == {-signal.SIGKILL}


def test_a_process_that_does_not_exit_is_killed(start):
    first = start("first")
    child = psutil.Process(first.pid())
    child.suspend()
    first._process._child.kill()
    assert first._process._child.wait(5) == -signal.SIGKILL
    assert not child.is_running()


def test_file_descriptors_above_1023_are_no_limit(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    with contextlib.ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            files.enter_context(Path(os.devnull).open())
        assert start("first").greet("Ada", mark="") == "first Ada"
        assert start("first").greet("Ada", mark="") == "first Ada"  # asks whether it runs


def test_a_fork_that_fails_says_why(monkeypatch, capfd):
    def fail():
        raise OSError(11, "Resource temporarily unavailable")

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    report, child_report = os.pipe()
    monkeypatch.setattr(os, "fork", fail)
    before = signal.getsignal(signal.SIGCHLD)
    with ours, theirs:
        given = [os.dup(2) for _ in range(3)]
        socket.send_fds(ours, [b"+"], [*given, child_report])
        ours.shutdown(socket.SHUT_WR)
        fork_server.serve(theirs)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, before)
    for descriptor in (*given, child_report):
        os.close(descriptor)
    assert "cannot fork: [Errno 11] Resource temporarily unavailable" in capfd.readouterr().err
    process = ForkedProcess(None, report)
    assert (process.wait(5), process._forked_pid()) == (1, 0)


def test_the_server_of_a_command_starts_first_and_is_the_only_one():
    code = """
from pathlib import Path
import psutil
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import settings
settings.HOOKS
(server,) = psutil.Process().children()
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
IsolatedAdapter("crosscloud_mnist.adapters.mlflow.MlflowRegistry", {"uri": "sqlite://"}, {})
assert psutil.Process().children() == [server]
"""
    command = [sys.executable, "-c", code, "run", "--pipelines", "history"]
    subprocess.run(command, cwd=PROJECT, check=True)


def test_a_command_ends_its_processes_without_a_word():
    code = f"""
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
adapters = [IsolatedAdapter("{PROBE}", {{"greeting": each}}, {{}}) for each in "ab"]
assert adapters[0].greet("Ada", mark="") == "a Ada"
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout + ended.stderr == ""
