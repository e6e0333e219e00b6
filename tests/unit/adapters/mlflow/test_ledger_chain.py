"""The order of a ledger is that of its chain, and whatever was done to it is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.adapters.mlflow.ledger_chain import (
    Anchor,
    find_heads,
    hash_entry,
    verify_and_order,
)
from crosscloud_mnist.errors import VerificationError
from crosscloud_mnist.ports import LedgerEntry


def entry(version, *previous, timestamp="2026-01-01T12:00:00.000+00:00"):
    unsealed = LedgerEntry(
        action="promoted",
        name="mnist_cnn",
        alias="champion",
        version=version,
        digest="ab" * 32,
        timestamp=timestamp,
        previous_hash=" ".join(each.hash for each in previous),
    )
    return replace(unsealed, hash=hash_entry(unsealed))


FIRST = entry("1", timestamp="2026-01-01T12:00:00.000+00:00")
SECOND = entry("2", FIRST, timestamp="2026-01-01T11:30:00.000+00:00")  # a clock 30 minutes back
THIRD = entry("3", SECOND, timestamp="2026-01-01T11:45:00.000+00:00")
CHAIN = [FIRST, SECOND, THIRD]
ANCHOR = Anchor((THIRD.hash,))


def versions(entries):
    return [each.version for each in entries]


def test_the_order_is_that_of_the_chain_whatever_the_clocks_say():
    assert versions(verify_and_order(CHAIN[::-1], ANCHOR)) == ["1", "2", "3"]


def test_an_empty_ledger_has_no_entries():
    assert verify_and_order([], Anchor()) == []


def test_two_entries_at_once_are_ordered_by_time_and_the_next_names_both():
    beside = entry("4", SECOND, timestamp="2026-01-01T11:40:00.000+00:00")
    heads = find_heads([*CHAIN, beside])
    assert heads == tuple(sorted((THIRD.hash, beside.hash)))
    assert versions(verify_and_order([*CHAIN, beside], Anchor(heads))) == ["1", "2", "4", "3"]
    merged = entry("5", THIRD, beside)
    ordered = verify_and_order([merged, *CHAIN, beside], Anchor((merged.hash,)))
    assert versions(ordered) == ["1", "2", "4", "3", "5"]


def test_an_entry_that_was_written_twice_counts_once_and_as_completed():
    ordered = verify_and_order([*CHAIN, replace(THIRD, completed=True), THIRD], ANCHOR)
    assert [each.completed for each in ordered] == [False, False, True]


def test_an_announced_entry_that_is_not_yet_anchored_counts():
    assert versions(verify_and_order(CHAIN, Anchor((SECOND.hash,), THIRD.hash))) == ["1", "2", "3"]
    assert versions(verify_and_order(CHAIN[:2], Anchor((SECOND.hash,), THIRD.hash))) == ["1", "2"]


@pytest.mark.parametrize(
    ("entries", "anchor", "message"),
    [
        pytest.param(
            [FIRST, replace(SECOND, reason="nothing"), THIRD],
            ANCHOR,
            rf"entry of .*11:30.* \(promoted mnist_cnn 2\) has the hash .*expected {SECOND.hash}",
            id="changed",
        ),
        pytest.param(
            [FIRST, THIRD],
            ANCHOR,
            rf"no entry {SECOND.hash}, expected it before the entry .*mnist_cnn 3.*was removed",
            id="removed",
        ),
        pytest.param(
            [FIRST, SECOND],
            ANCHOR,
            rf"ends in {SECOND.hash}, expected {THIRD.hash} .*entries were removed or rewritten",
            id="last removed",
        ),
        pytest.param([], ANCHOR, f"ends in nothing, expected {THIRD.hash}", id="all removed"),
        pytest.param(
            [entry("9"), entry("8", entry("9"))],
            ANCHOR,
            f"ends in {entry('8', entry('9')).hash}, expected {THIRD.hash}",
            id="rewritten",
        ),
        pytest.param(
            [*CHAIN, entry("9")],
            ANCHOR,
            rf"the heads .*{entry('9').hash}.*expected {THIRD.hash} .*mnist_cnn 9\)",
            id="inserted first",
        ),
        pytest.param(
            [*CHAIN, entry("9", THIRD)],
            ANCHOR,
            rf"the heads {entry('9', THIRD).hash}, expected {THIRD.hash} as",
            id="inserted last",
        ),
        pytest.param(
            [FIRST], Anchor(), f"the heads {FIRST.hash}, expected none as", id="without an anchor"
        ),
    ],
)
def test_what_was_done_to_the_ledger_is_named(entries, anchor, message):
    with pytest.raises(VerificationError, match=message) as raised:
        verify_and_order(entries, anchor)
    assert "somebody changed the ledger" in str(raised.value)
    assert "\n" not in str(raised.value)
