"""``make sbom`` describes the lock, no more and no less."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

PROJECT = Path(__file__).parents[3]


def test_the_bill_has_every_locked_distribution_with_its_hashes_and_licence(tmp_path):
    output = tmp_path / "bill.json"
    command = [sys.executable, "-m", "supply_chain.sbom", str(output)]
    subprocess.run(command, cwd=PROJECT, check=True)
    bill = json.loads(output.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "crosscloud-mnist",
    )
    lock = (PROJECT / "requirements.lock").read_text()
    locked = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([^ ;]+)", lock, re.M)
    assert [(each["name"], each["version"]) for each in bill["components"]] == locked
    hashes = [
        each["content"]
        for component in bill["components"]
        for reference in component["externalReferences"]
        for each in reference["hashes"]
    ]
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))
    assert all(component["licenses"] for component in bill["components"])
