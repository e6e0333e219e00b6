"""The ledger says which good versions an alias pointed to."""

from __future__ import annotations

import pytest

from crosscloud_mnist.ports import LedgerEntry
from crosscloud_mnist.promotion.history import good_versions


def entry(text: str) -> LedgerEntry:
    action, version, *rest = text.split()
    action = {"back": "rolled back"}.get(action, action)
    alias = "staging" if "staging" in rest else "champion"
    return LedgerEntry(action, "m", alias, version, "", completed="interrupted" not in rest)


@pytest.mark.parametrize(
    ("ledger", "versions"),
    [
        ([], []),
        (["promoted 1", "promoted 2", "promoted 3"], ["1", "2", "3"]),
        (["promoted 1", "rejected 2", "promoted 3"], ["1", "3"]),
        (["promoted 1", "promoted 2", "back 1"], ["1"]),
        (["promoted 1", "promoted 2", "back 1", "promoted 2"], ["1", "2"]),
        (["promoted 1", "promoted 2 interrupted"], ["1"]),
        (["promoted 1", "promoted 2 staging"], ["1"]),
    ],
)
def test_a_version_is_good_until_it_is_rolled_back_from(ledger, versions):
    assert good_versions([entry(text) for text in ledger], "champion") == versions
