"""The ledger says which versions an alias pointed to, and which it may point to."""

from __future__ import annotations

import pytest

from crosscloud_mnist.ports import LedgerEntry, ModelVersion
from crosscloud_mnist.promotion.history import find_objection, good_versions


def entry(text: str) -> LedgerEntry:
    action, version, *rest = text.split()
    action = {"back": "rolled back"}.get(action, action)
    alias = "staging" if "staging" in rest else "champion"
    return LedgerEntry(
        action, "m", alias, version, f"digest-{version}", completed="interrupted" not in rest
    )


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


@pytest.mark.parametrize(
    ("ledger", "objection"),
    [
        (["promoted 2"], None),
        (["promoted 2", "promoted 3", "back 2"], None),
        (["rejected 2", "promoted 2"], None),
        ([], "no entry"),
        (["promoted 1"], "no entry"),
        (["promoted 2 staging"], "no entry"),
        (["promoted 2", "rejected 2"], "was rejected"),
        (["promoted 2", "removed 2"], "was removed"),
        (["promoted 2 interrupted"], "was interrupted"),
    ],
)
def test_the_last_entry_about_a_version_decides_whether_it_may_serve(ledger, objection):
    version = ModelVersion("m", "2", "digest-2", {"verified": "digest-2"})
    found = find_objection([entry(text) for text in ledger], "champion", version)
    assert (objection in found) if objection else found is None


@pytest.mark.parametrize(
    ("digest", "verified", "objection"),
    [("other", "other", "recorded the digest digest-2"), ("digest-2", "", "its tag verified")],
)
def test_another_bundle_under_a_promoted_number_may_not_serve(digest, verified, objection):
    version = ModelVersion("m", "2", digest, {"verified": verified})
    assert objection in find_objection([entry("promoted 2")], "champion", version)
