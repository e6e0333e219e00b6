"""``make attack`` in its short form: the endpoint withstands every attack."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rehearsal.attacks import ATTACKS

pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_the_endpoint_withstands_every_attack_and_answers_honest_requests():
    attack = subprocess.run(
        [sys.executable, "-m", "rehearsal.attack", "--short"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    count = len(ATTACKS)
    assert f"{count} of {count} attacks were withstood" in attack.stdout, attack.stdout
    assert attack.returncode == 0, attack.stderr
