"""A workspace's own process: what it is given, what crosses, and when it ends."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from base64 import b64encode
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psutil
import pytest

from crosscloud_mnist.datasets.port import PortDataset
from crosscloud_mnist.errors import RegistryError, VerificationError
from crosscloud_mnist.isolation import worker_process
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter, end_all
from crosscloud_mnist.isolation.process_config import ProcessConfig
from crosscloud_mnist.ports import ModelVersion

SECRET = "s3cret-of-this-test"
PROBE = "test_isolated_process.Probe"


class Harmful:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (self._path, "w")


class Probe:
    """An adapter that returns what it sees; its process imports it from this file."""

    def __init__(self, *, greeting: str) -> None:
        self._greeting = greeting

    @staticmethod
    def process_config(options, credentials):
        return ProcessConfig(options, credentials)

    preloaded = False

    @classmethod
    def preload(cls):
        cls.preloaded = True

    def is_preloaded(self):
        return self.preloaded

    def greet(self, name, *, mark):
        return f"{self._greeting} {name}{mark}"

    def pid(self):
        return os.getpid()

    def environment(self):
        return dict(os.environ)

    def start(self):
        """The variables that the process was started with, as other users of the machine see."""
        return Path("/proc/self/environ").read_text() + Path("/proc/self/cmdline").read_text()

    def reject(self):
        raise VerificationError(f"the token {os.environ['PROBE_TOKEN']} is not right")

    def fail(self):
        raise KeyError(os.environ["PROBE_TOKEN"])

    def hang(self):
        time.sleep(60)

    def sleep(self, seconds):
        time.sleep(seconds)
        return "slept"

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def complain_and_die(self):
        token = os.environ["PROBE_TOKEN"]
        sys.stderr.write(f"GET http://ada:pw@host {b64encode(token.encode()).decode()}\n")
        sys.stderr.write(f"fatal: {token}\n")
        sys.stderr.flush()
        self.die()

    def leave(self):
        sys.exit("a reason that matters")

    def log(self):
        logging.getLogger("probe").warning("retry with %s", os.environ["PROBE_TOKEN"])

    def return_object(self):
        return object()

    def send_pickle(self, path):
        """Write a pickle that creates a file to the parent, as a compromised process could."""
        content = pickle.dumps(Harmful(str(path)))
        connections = [each for each in gc.get_objects() if isinstance(each, Connection)]
        for connection in connections:
            os.write(connection.fileno(), struct.pack("!i", len(content)) + content)
        self.hang()

    def fail_at_length(self):
        raise KeyError("x" * 295 + os.environ["PROBE_TOKEN"])

    def version(self, version):
        return ModelVersion(version.name, str(int(version.version) + 1), version.digest)

    def invert(self, images, folder):
        return {"images": 255 - images, "folder": folder / "copy"}


@pytest.fixture(params=["linux", "darwin"])
def probe(request, monkeypatch):
    """The probe, in a process as Linux forks it, and as macOS starts it."""
    monkeypatch.setattr(worker_process, "PLATFORM", request.param)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield IsolatedAdapter(PROBE, {"greeting": "Good day,"}, {"PROBE_TOKEN": SECRET})
    end_all()


def test_a_method_is_called_in_another_process_and_its_result_returned(probe):
    assert probe.greet("Ada", mark="!") == "Good day, Ada!"
    assert probe.pid() != os.getpid()


def test_libraries_are_loaded_before_the_first_call(probe):
    assert probe.is_preloaded()


def test_values_of_the_ports_paths_and_arrays_cross_both_ways(probe):
    version = ModelVersion("mnist_cnn", "3", "ab" * 32, {"verified": "yes"})
    assert probe.version(version) == ModelVersion("mnist_cnn", "4", "ab" * 32)
    images = np.full((2, 28, 28), 250, np.uint8)
    inverted = probe.invert(images, Path("/tmp"))
    assert inverted["folder"] == Path("/tmp/copy")
    assert inverted["images"].dtype == np.uint8
    assert (inverted["images"] == 5).all()


def test_a_pickle_from_the_process_is_never_loaded(probe, tmp_path):
    with pytest.raises(RegistryError, match="ended during send_pickle"):
        probe.send_pickle(tmp_path / "harm")
    assert not (tmp_path / "harm").exists()


def test_a_result_that_is_no_plain_value_is_one_line(probe):
    with pytest.raises(RegistryError, match="a object cannot be sent to another process"):
        probe.return_object()
    assert probe.greet("Ada", mark="") == "Good day, Ada"


def test_one_process_for_one_workspace_and_another_for_another(probe):
    same = IsolatedAdapter(PROBE, {"greeting": "Good day,"}, {"PROBE_TOKEN": SECRET})
    other = IsolatedAdapter(PROBE, {"greeting": "Good day,"}, {"PROBE_TOKEN": "other"})
    assert same.pid() == probe.pid() != other.pid()


def test_it_sees_its_own_credentials_and_no_variable_of_this_process(probe, monkeypatch):
    traps = {
        "MLFLOW_TRACKING_URI": "http://wrong.example",
        "MLFLOW_TRACKING_TOKEN": "wrong",
        "MLFLOW_TRACKING_USERNAME": "wrong",
        "DATABRICKS_HOST": "https://wrong.example",
        "DATABRICKS_TOKEN": "wrong",
        "DATABRICKS_CONFIG_PROFILE": "wrong",
        "AWS_PROFILE": "wrong",
        "NETRC": "wrong",
    }
    for name, value in traps.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    probe = IsolatedAdapter(PROBE, {"greeting": "anew"}, {"PROBE_TOKEN": SECRET})
    seen = probe.environment()
    assert not set(traps) & set(seen)
    assert seen["PROBE_TOKEN"] == SECRET
    assert seen["https_proxy"] == "http://proxy.example:3128"
    assert "127.0.0.1" in seen["no_proxy"]  # the proxy gets no credentials for this machine
    assert seen["HOME"] == os.devnull


def test_no_credential_stands_in_its_arguments_or_its_first_environment(probe):
    module = "fork_server" if worker_process.PLATFORM == "linux" else "worker"
    assert f"crosscloud_mnist.isolation.{module}\0" in probe.start()
    assert SECRET not in probe.start()


def test_an_error_of_the_package_is_raised_as_itself_without_the_secret(probe):
    with pytest.raises(VerificationError, match=r"^the token \*\*\* is not right$"):
        probe.reject()


def test_any_other_error_is_one_line_without_the_secret(probe):
    with pytest.raises(RegistryError, match=r"Probe\.fail failed with KeyError: '\*\*\*' \(line"):
        probe.fail()
    assert probe.greet("Ada", mark="") == "Good day, Ada"


def test_a_secret_is_masked_before_a_long_message_is_cut(probe):
    with pytest.raises(RegistryError, match="x{295}") as raised:
        probe.fail_at_length()
    assert SECRET[:3] not in str(raised.value)


def test_the_last_line_of_the_error_output_is_in_the_error_without_secrets(probe, caplog):
    caplog.set_level(logging.DEBUG, "crosscloud_mnist")
    with pytest.raises(RegistryError, match=r"status -9; it wrote: fatal: \*\*\*\), expected"):
        probe.complain_and_die()
    assert "GET http://***@host ***" in caplog.text
    assert SECRET not in caplog.text


def test_a_process_that_exits_says_why(probe):
    with pytest.raises(RegistryError, match=r"status 1; it wrote: .*a reason that matters\), exp"):
        probe.leave()


def test_a_warning_of_the_process_is_logged_as_one_without_secrets(probe, caplog):
    probe.log()
    probe._process.end()
    (record,) = [each for each in caplog.records if "retry" in each.getMessage()]
    assert record.levelno == logging.WARNING
    assert "WARNING probe: retry with ***" in record.getMessage()


def test_a_killed_process_is_reported_and_the_next_one_works(probe):
    with pytest.raises(RegistryError, match=r"ended during die \(status -9\)"):
        probe.die()
    again = IsolatedAdapter(PROBE, {"greeting": "Good day,"}, {"PROBE_TOKEN": SECRET})
    assert again.greet("Ada", mark="") == "Good day, Ada"


def test_the_result_of_an_interrupted_call_is_not_returned_by_the_next_call(probe):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            probe.sleep(1)
    finally:
        signal.signal(signal.SIGALRM, before)
    again = IsolatedAdapter(PROBE, {"greeting": "Good day,"}, {"PROBE_TOKEN": SECRET})
    assert again.greet("Ada", mark="") == "Good day, Ada"


def test_it_ends_with_its_parent_even_in_a_call_and_when_the_parent_is_killed(tmp_path):
    code = (
        "import threading\n"
        "from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter\n"
        "probe = IsolatedAdapter('test_isolated_process.Probe', {'greeting': ''}, {})\n"
        "print(probe.pid(), flush=True)\n"
        "probe.hang()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    processes = psutil.Process(parent.pid).children(recursive=True)
    assert child in {each.pid for each in processes}
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def test_the_catalog_isolates_every_adapter_that_declares_a_process_config(probe):
    dataset = PortDataset(
        adapter="test_isolated_process.Probe",
        options={"greeting": "Good day,"},
        credentials={"PROBE_TOKEN": SECRET},
    )
    assert dataset.load().pid() == probe.pid()
    assert SECRET not in str(dataset)
