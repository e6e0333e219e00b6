"""Nothing is sent: no command looks a name up, or connects to anything but this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

# A hook of every Python process: it writes down the name or the address of each connection.
AUDIT = """
import os, socket, sys

def record(event, arguments):
    if event == "socket.getaddrinfo":
        target = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        target = arguments[1][0]
    elif event == "socket.gethostbyname":
        target = arguments[0]
    else:
        return
    with open(os.environ["AUDIT_LOG"], "a") as log:
        log.write(f"{event} {target} {sys.argv}\\n")

sys.addaudithook(record)
"""
LOOPBACK = re.compile(r"\S+ (b?'?(127\.0\.0\.1|localhost|::1|0\.0\.0\.0|::)'?|None) ")
ADDRESS = re.compile(r'inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')


class Watched:
    """Commands of a project, watched by an audit hook and, where it is installed, by strace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._audit_log, self._trace = folder / "audit.log", folder / "strace.log"
        hook = folder / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(AUDIT)
        self.variables = {"PYTHONPATH": str(hook), "AUDIT_LOG": str(self._audit_log)}
        traces = (
            shutil.which("strace")
            and not subprocess.run(
                ["strace", "-qq", "-o", os.devnull, "true"], check=False
            ).returncode
        )
        calls = "trace=connect,sendto,sendmsg,sendmmsg"
        # -D: the endpoint, which stays up, does not keep the command from ending.
        strace = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-A", "-e", calls]
        strace += ["-o", str(self._trace)]
        self.prefix = strace if traces else []

    def connections(self) -> list[str]:
        """What was contacted that is not this machine."""
        audited = self._audit_log.read_text().splitlines() if self._audit_log.exists() else []
        traced = self._trace.read_text(errors="replace").splitlines() if self.prefix else []
        return [line for line in audited if not LOOPBACK.match(line)] + [
            line
            for line in traced
            if (found := ADDRESS.search(line))
            and not (found[1] or "").startswith("127.")
            and found[1] != "0.0.0.0"
            and found[2] not in ("::1", "::ffff:127.0.0.1", "::")
        ]


@pytest.fixture(scope="module")
def watched(project, tmp_path_factory):
    return Watched(tmp_path_factory.mktemp("watched"))


def run(project, watched, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
    output = watched.folder / "output.txt"
    with output.open("w") as file:
        ended = subprocess.run(
            [*watched.prefix, sys.executable, "-m", "kedro", *arguments],
            cwd=project.folder,
            env={**environment, **watched.variables},
            stdout=file,
            stderr=file,
            timeout=500,
            check=False,
        )
    assert ended.returncode == 0, output.read_text()


def test_training_and_release_contact_this_machine_alone(project, watched):
    (project.folder / "conf/local/globals.yml").write_text("mnist_mirrors: []\n")
    short = "train_distributed.mode=single,train_distributed.settings.epochs=1"
    run(project, watched, "run", "--pipelines", "train", "--params", short)
    run(
        *(project, watched, "run", "--pipelines", "release"),
        *("--params", "register_remote.minimum_accuracy=0.1"),
    )
    assert watched.connections() == []


def test_kedro_viz_contacts_this_machine_alone(project, watched):
    run(project, watched, "viz", "build")
    assert watched.connections() == []


def test_the_page_of_mlflow_contacts_this_machine_alone(project, watched):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    scripts = Path(sys.executable).parent  # where the command mlflow is
    process = subprocess.Popen(
        [*watched.prefix, sys.executable, "-m", "kedro", "mlflow", "ui", "--port", str(port)],
        cwd=project.folder,
        env={**os.environ, **watched.variables, "PATH": f"{scripts}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.5)
        time.sleep(2)  # telemetry is sent in the background
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert watched.connections() == []


def test_the_watch_notices_a_connection(tmp_path):
    watched = Watched(tmp_path)
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
    subprocess.run(
        [*watched.prefix, sys.executable, "-c", code],
        env={**os.environ, **watched.variables},
        check=False,
    )
    assert watched.connections()
