"""Two trainings of one project at once: the second is rejected, the first is undisturbed."""

from __future__ import annotations

import signal
import time

import pytest

pytestmark = [pytest.mark.process, pytest.mark.slow]

LONG = "train_distributed.mode=single,train_distributed.settings.epochs=1000"
SHORT = "train_distributed.mode=single,train_distributed.settings.epochs=1"


def test_a_second_training_is_rejected_by_name_and_a_killed_one_blocks_no_other(project):
    with project.start("run", "--pipelines", "train", "--params", LONG) as first:
        lock = project.data / ".locks" / "train.json"
        while not lock.is_file():
            assert first.poll() is None
            time.sleep(0.2)
        second = project.kedro("run", "--pipelines", "train", "--params", SHORT)
        assert second.returncode == 1
        message = " ".join(second.stderr.split())
        assert f"another run (train, process {first.pid} on " in message
        assert "expected one run at a time" in message
        assert "Traceback" not in second.stderr + second.stdout
        first.send_signal(signal.SIGKILL)
        first.communicate()
    project.run("train", "--params", SHORT)
    statuses = sorted(run.info.status for run in project.runs("sandbox"))
    assert statuses in (["FINISHED"], ["FINISHED", "RUNNING"])  # that of the killed one
