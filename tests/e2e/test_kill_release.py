"""The short form of ``python -m rehearsal.kill_release``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.mark.rehearsal
@pytest.mark.slow
@pytest.mark.process
def test_a_rerun_of_a_killed_or_interrupted_release_succeeds():
    command = [*("-m", "rehearsal.kill_release"), *("--kills", "1", "--interrupts", "1")]
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 trials, 0 failed" in ended.stdout
