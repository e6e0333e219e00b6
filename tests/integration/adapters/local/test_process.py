"""Deployments that are interrupted, damaged, copied or doubled: the endpoint is found and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from crosscloud_mnist.adapters.local import LocalEndpoint, process, stop
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.serving.handshake import EndpointFolder
from tests.integration.adapters.local.local_endpoint import (
    find_supervisors,
    free_port,
    get_health,
    version,
)

pytestmark = pytest.mark.process

_DEPLOY = """
import os, signal, sys
from pathlib import Path
from crosscloud_mnist.adapters.local import LocalEndpoint, process
from crosscloud_mnist.ports import ModelVersion
folder, port, bundle, digest, moment = sys.argv[1:]
end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "before the state":
    start = process.start
    process.start = lambda folder: (start(folder), end())
if moment == "while it waits":
    LocalEndpoint._wait = end
endpoint = LocalEndpoint(name="mnist_cnn", folder=folder, port=int(port))
endpoint.deploy(ModelVersion("mnist_cnn", "1", digest), Path(bundle))
"""


def deploy_elsewhere(folder, endpoint, bundle, moment="never"):
    """Deploy in a process of its own, which is killed at the moment."""
    values = [str(folder), str(endpoint._settings.port), str(bundle.folder), bundle.digest, moment]
    return subprocess.run([sys.executable, "-c", _DEPLOY, *values], check=False).returncode


@pytest.mark.parametrize("moment", ["before the state", "while it waits"])
def test_a_deployment_that_was_killed_is_taken_up_by_the_next(
    endpoint, folder, tiny_bundle, moment
):
    assert deploy_elsewhere(folder, endpoint, tiny_bundle, moment) == -signal.SIGKILL
    (supervisor,) = find_supervisors(folder)
    assert endpoint.deploy(version(tiny_bundle), tiny_bundle.folder).model_version == "1"
    assert find_supervisors(folder) == [supervisor]


@pytest.mark.parametrize("moment", ["before the state", "while it waits"])
def test_a_deployment_that_was_killed_can_be_stopped(endpoint, folder, tiny_bundle, moment):
    assert deploy_elsewhere(folder, endpoint, tiny_bundle, moment) == -signal.SIGKILL
    assert stop(folder)
    assert not find_supervisors(folder)
    assert not stop(folder)


def test_an_interrupted_deployment_leaves_nothing(endpoint, folder, tiny_bundle, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(endpoint, "_wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert not find_supervisors(folder)
    monkeypatch.undo()
    assert endpoint.deploy(version(tiny_bundle), tiny_bundle.folder).model_version == "1"


def test_two_deployments_at_once_leave_one_supervisor(endpoint, folder, tiny_bundle):
    with ThreadPoolExecutor() as pool:
        ended = pool.map(lambda _: deploy_elsewhere(folder, endpoint, tiny_bundle), range(2))
        assert list(ended) == [0, 0]
    assert len(find_supervisors(folder)) == 1


def test_a_deployment_that_waits_too_long_for_another_is_one_line(
    endpoint, folder, tiny_bundle, monkeypatch
):
    from filelock import FileLock

    from crosscloud_mnist.adapters.local import endpoint as module

    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.1)
    folder.mkdir()
    with (
        FileLock(folder / "deploy.lock"),
        pytest.raises(EndpointError, match="another deployment holds .*deploy.lock"),
    ):
        endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"\x00\xff",
    b"[" * 100_000,
    b'{"pid": "one"}',
    b'{"pid": 1, "create_time": 0, "folder": "f", "settings": {"name": "mnist_cnn"}}',
    b'{"pid": '
    + b"9" * 400
    + b', "create_time": 0, "folder": "f", "settings": {"name": "mnist_cnn"}}',
    None,
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_state_is_one_line_and_the_endpoint_can_be_stopped(
    endpoint, folder, tiny_bundle, content
):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    state = folder / "endpoint.json"
    state.unlink()
    if content is None:
        state.mkdir()
    else:
        state.write_bytes(content)
    with pytest.raises(EndpointError, match="; run make stop and deploy again"):
        endpoint.deploy(version(tiny_bundle, "2"), tiny_bundle.folder)
    assert stop(folder)
    assert not find_supervisors(folder)


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_state_of_an_endpoint_that_ended_is_replaced(folder, content):
    state = folder / "endpoint.json"
    state.parent.mkdir()
    if content is None:
        (state / "folder").mkdir(parents=True)
    else:
        state.write_bytes(content)
    assert not stop(folder)
    assert not state.exists()


def test_a_request_that_the_supervisor_cannot_read_fails_at_once(
    endpoint, folder, tiny_bundle, monkeypatch
):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    write = EndpointFolder.write

    def write_damaged(self, path, value):
        write(self, path, value)
        path.write_bytes(b"{")

    monkeypatch.setattr(EndpointFolder, "write", write_damaged)
    for _ in range(2):  # the second must not take the first one's failure for its own
        began = time.monotonic()
        with pytest.raises(EndpointError, match=r"request\.json is damaged.*version 1 stays"):
            endpoint.deploy(version(tiny_bundle, "2"), tiny_bundle.folder)
        assert time.monotonic() - began < 30
    monkeypatch.undo()
    assert endpoint.describe().model_version == "1"
    assert endpoint.deploy(version(tiny_bundle, "2"), tiny_bundle.folder).model_version == "2"


def test_a_state_that_names_another_process_ends_no_other_process(endpoint, folder, tiny_bundle):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    state = json.loads((folder / "endpoint.json").read_bytes())
    state |= {"pid": other.pid, "create_time": psutil.Process(other.pid).create_time()}
    (folder / "endpoint.json").write_text(json.dumps(state))
    assert stop(folder)
    assert not find_supervisors(folder)
    other.communicate()
    assert other.returncode == 1  # the end of its input, no signal


def test_stop_in_a_copied_project_leaves_the_original_alone(
    endpoint, folder, tiny_bundle, tmp_path
):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    copied = shutil.copytree(folder, tmp_path / "copied")
    assert not stop(copied)
    assert get_health(endpoint) == 200
    same = LocalEndpoint(name="mnist_cnn", folder=str(copied), port=endpoint._settings.port)
    with pytest.raises(EndpointError, match="is taken by another program"):
        same.deploy(version(tiny_bundle), tiny_bundle.folder)
    same = LocalEndpoint(name="mnist_cnn", folder=str(copied), port=free_port())
    same.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert stop(copied)
    assert get_health(endpoint) == 200


def test_an_endpoint_whose_folder_was_moved_can_be_stopped_from_there(
    endpoint, folder, tiny_bundle, tmp_path
):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    moved = folder.rename(tmp_path / "moved")
    same = LocalEndpoint(name="mnist_cnn", folder=str(moved), port=endpoint._settings.port)
    with pytest.raises(EndpointError, match="was started in .*endpoint, and its files are in"):
        same.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert stop(moved)
    assert not find_supervisors(folder)


def test_an_endpoint_whose_folder_was_removed_serves_and_can_be_stopped(
    endpoint, folder, tiny_bundle
):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    shutil.rmtree(folder)
    assert get_health(endpoint) == 200
    with pytest.raises(EndpointError, match="its files in .* were removed.*; run make stop"):
        endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert stop(folder)
    assert not find_supervisors(folder)


def test_a_supervisor_whose_folder_is_gone_while_it_starts_obeys_sigterm(
    endpoint, folder, tiny_bundle, monkeypatch
):
    """What it reads is there, and what it writes has no place."""
    start, started = process.start, []

    def start_and_remove(own: EndpointFolder) -> subprocess.Popen[bytes]:
        started.append(start(own))
        while not own.state.exists():
            time.sleep(0.001)
        folder.rename(folder.with_name("moved"))
        folder.write_bytes(b"a file")  # so that the folder cannot be made again
        return started[0]

    monkeypatch.setattr(process, "start", start_and_remove)
    monkeypatch.setattr(process, "kill", lambda *_: None)
    with pytest.raises(EndpointError, match="did not start: it ended"):
        endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    (supervisor,) = started
    time.sleep(2)  # by then its worker answers, or it has given up
    os.kill(supervisor.pid, signal.SIGTERM)
    supervisor.wait(timeout=20)
    folder.unlink()


def test_the_command_stops_the_endpoint_without_a_warning(endpoint, folder, tiny_bundle):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    command = [sys.executable, "-m", "crosscloud_mnist.adapters.local", str(folder)]
    for line in ("stopped\n", "no endpoint was running\n"):
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (ended.stdout, ended.stderr) == (line, "")


def test_the_log_is_readable_by_its_owner_alone(endpoint, folder, tiny_bundle):
    endpoint.deploy(version(tiny_bundle), tiny_bundle.folder)
    assert (folder / "endpoint.log").stat().st_mode & 0o777 == 0o600
