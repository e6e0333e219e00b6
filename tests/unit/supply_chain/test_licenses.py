"""Every locked distribution has a known licence that the policy allows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from supply_chain.licenses import Policy
from supply_chain.sbom import add_licenses

LOCK = Path(__file__).parents[3] / "requirements.lock"


@pytest.fixture(scope="module")
def policy():
    return Policy.load()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs the metadata of a distribution."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, *fields):
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1", *fields]
        (folder / "METADATA").write_text("\n".join(lines))

    return install


def test_every_locked_distribution_is_allowed(policy):
    names = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", LOCK.read_text(), re.M)
    assert len(names) > 200
    bill = {"components": [{"name": name, "version": "1"} for name in names]}
    assert add_licenses(bill, policy) == []
    assert all(component["licenses"] for component in bill["components"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["License-Expression: MIT OR Apache-2.0"], "MIT OR Apache-2.0"),
        (["License: BSD-3-Clause"], "BSD-3-Clause"),
        (["License: see LICENSE", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            "Apache-2.0 AND MIT",
        ),
        (["Classifier: License :: OSI Approved :: GNU General Public License (GPL)"], None),
        ([], None),
    ],
    ids=range(6),
)
def test_the_licence_is_what_the_metadata_declares(policy, install, fields, expected):
    install("apple", *fields)
    assert policy.find_license("apple") == expected


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-or-later OR AGPL-3.0-only", False),
        (None, False),
    ],
)
def test_all_of_an_and_but_one_of_an_or_must_be_allowed(policy, expression, is_allowed):
    assert policy.is_allowed("apple", expression) == is_allowed


def test_what_is_not_allowed_is_named_with_what_to_do(policy, install):
    install("apple", "License-Expression: AGPL-3.0-only")
    install("pear")
    bill = {"components": [{"name": name, "version": "1"} for name in ("apple", "pear")]}
    first, second = add_licenses(bill, policy)
    assert first.startswith("found apple 1 with AGPL-3.0-only, expected one that supply_chain/")
    assert second.startswith("found pear 1 with an unknown licence, expected")
    assert "licenses" not in bill["components"][1]
    reviewed = replace(policy, reviewed={"pear": "MIT"})
    assert add_licenses({"components": [{"name": "pear", "version": "1"}]}, reviewed) == []
