"""Training is ended by the user: Ctrl-C and SIGTERM, in the middle of an epoch."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def ingested(project):
    project.run("ingest_mnist")
    return project


@pytest.mark.parametrize(
    ("number", "mode"), [(signal.SIGINT, "custom"), (signal.SIGTERM, "distributed")]
)
def test_interrupted_training_is_one_line_and_leaves_nothing_running(ingested, number, mode):
    before = ingested.runs("sandbox")
    epochs = "train_distributed.settings.epochs=1000,train_distributed.grid.epochs=[1000]"
    steps = "train_distributed.settings.steps_per_epoch=8"
    process = ingested.start(
        *("run", "--pipelines", "train_distributed"),
        *("--params", f"train_distributed.mode={mode},{epochs},{steps}"),
    )
    records = ingested.data / "06_models" / "checkpoints"
    begun = time.time()
    interrupt(
        process,
        number,
        lambda: any(path.stat().st_mtime > begun for path in records.rglob("epoch-*.json")),
    )
    after = ingested.runs("sandbox")
    known = {run.info.run_id for run in before}
    assert {run.info.status for run in after if run.info.run_id not in known} == {"FAILED"}


def test_an_interrupt_while_spark_starts_is_one_line_and_leaves_nothing_running(ingested):
    process = ingested.start("run", "--pipelines", "train_distributed")
    interrupt(
        process,
        signal.SIGINT,
        lambda: any("spark" in command for command in processes_of(process.pid)),
    )


def interrupt(
    process: subprocess.Popen[str], number: signal.Signals, has_begun: Callable[[], bool]
) -> None:
    """Send the signal once it has begun: it ends with one line, and leaves nothing running."""
    try:
        until = time.monotonic() + 150
        while not has_begun():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    assert "training was interrupted, expected it to end by itself" in " ".join(errors.split())
    assert "Traceback" not in output + errors
    assert "KeyboardInterrupt" not in output + errors
    until = time.monotonic() + 20
    while left := processes_of(process.pid):
        assert time.monotonic() < until, left
        time.sleep(0.2)


def processes_of(session: int) -> list[str]:
    """What still runs of a session: its JVM, its Python workers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((stat.parent / "cmdline").read_text())
        except OSError:
            continue  # it has ended meanwhile
    return found
