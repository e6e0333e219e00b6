"""The alias is resolved to the version that was meant, and an interrupted move is completed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.errors import RegistryError
from crosscloud_mnist.ports import LedgerEntry, ModelVersion
from crosscloud_mnist.promotion import (
    ProductionModel,
    find_champion,
    record_and_move,
    resolve_alias,
)

PRODUCTION = ProductionModel("mnist_cnn", "champion")


class FakeRegistry:
    """Versions, aliases and a ledger in memory."""

    def __init__(self):
        self.aliases: dict[str, ModelVersion] = {}
        self.entries: list[LedgerEntry] = []
        self.readable: dict[str, ModelVersion] = {}
        self.fails_at = ""

    def workspace(self):
        return "http://production"

    def get_version(self, name, number):
        return self.readable.get(number)

    def get_version_by_alias(self, name, alias):
        return self.aliases.get(alias)

    def ledger(self, name):
        return list(self.entries)

    def append_entry(self, entry):
        self._fail("append_entry")
        self.entries.append(replace(entry, hash=str(len(self.entries))))
        return self.entries[-1]

    def set_alias(self, version, alias):
        self._fail("set_alias")
        self.aliases[alias] = version

    def complete_entry(self, entry):
        self._fail("complete_entry")
        self.entries = [
            replace(each, completed=each.completed or each.hash == entry.hash)
            for each in self.entries
        ]

    def _fail(self, step):
        if step == self.fails_at:
            raise RegistryError(f"{step} failed")


def version(number: str) -> ModelVersion:
    digest = f"digest-{number}"
    return ModelVersion("mnist_cnn", number, digest, {"verified": digest})


def promote(registry, number):
    current = registry.aliases.get("champion")
    entry = LedgerEntry(
        "promoted",
        "mnist_cnn",
        "champion",
        number,
        f"digest-{number}",
        current.version if current else "",
    )
    record_and_move(registry, version(number), entry)


def target(number: str, **changed):
    return {
        "name": "mnist_cnn",
        "alias": "champion",
        "version": number,
        "digest": f"digest-{number}",
        "workspace": "http://production",
        **changed,
    }


def test_an_alias_that_no_version_has_is_one_line():
    with pytest.raises(RegistryError, match="no version with the alias champion in http"):
        resolve_alias(FakeRegistry(), PRODUCTION)


def test_the_version_that_the_run_moved_the_alias_to_is_returned():
    registry = FakeRegistry()
    promote(registry, "2")
    assert resolve_alias(registry, PRODUCTION, target("2")) == version("2")


@pytest.mark.parametrize(
    "expected", [target("1"), target("2", digest="other"), target("2", name="other")]
)
def test_another_version_than_the_run_moved_the_alias_to_is_one_line(expected):
    registry = FakeRegistry()
    promote(registry, "2")
    with pytest.raises(RegistryError, match="points to mnist_cnn 2 .* nothing is deployed") as info:
        resolve_alias(registry, PRODUCTION, expected)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("step", ["append_entry", "set_alias", "complete_entry"])
def test_a_rerun_completes_a_move_that_was_interrupted(step):
    registry = FakeRegistry()
    promote(registry, "1")
    registry.fails_at = step
    with pytest.raises(RegistryError):
        promote(registry, "2")
    registry.fails_at = ""
    promote(registry, "2")
    assert registry.aliases["champion"] == version("2")
    completed = [entry.version for entry in registry.entries if entry.completed]
    assert completed == ["1", "2"]
    promote(registry, "2")
    assert len(completed) == sum(entry.completed for entry in registry.entries)


def test_the_champion_is_the_last_good_version_that_can_be_read():
    registry = FakeRegistry()
    for number in "123":
        promote(registry, number)
    registry.readable = {"1": version("1"), "2": version("2")}
    assert find_champion(registry, PRODUCTION) == version("2")


def test_a_champion_that_cannot_be_read_is_not_absent():
    registry = FakeRegistry()
    assert find_champion(registry, PRODUCTION) is None
    promote(registry, "1")
    with pytest.raises(RegistryError, match="has version 1 of mnist_cnn as the champion, but no"):
        find_champion(registry, PRODUCTION)


def test_a_champion_that_was_removed_is_absent():
    registry = FakeRegistry()
    promote(registry, "1")
    registry.append_entry(LedgerEntry("removed", "mnist_cnn", "champion", "1", "digest-1"))
    assert find_champion(registry, PRODUCTION) is None
