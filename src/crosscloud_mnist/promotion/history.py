"""What the ledger says about an alias: its moves, and the good versions that it pointed to."""

from __future__ import annotations

from collections.abc import Sequence

from crosscloud_mnist.ports import LedgerEntry

PROMOTED, ROLLED_BACK, REJECTED = "promoted", "rolled back", "rejected"  # LedgerEntry.action


def moves(ledger: Sequence[LedgerEntry], alias: str) -> list[LedgerEntry]:
    """Return the entries that moved the alias, or were about to, oldest first."""
    return [
        entry
        for entry in ledger
        if entry.alias == alias and entry.action in (PROMOTED, ROLLED_BACK)
    ]


def good_versions(ledger: Sequence[LedgerEntry], alias: str) -> list[str]:
    """Return the good versions that the alias pointed to, oldest first.

    A version that was rolled back from is not good, until it is promoted again.
    """
    versions: list[str] = []
    for entry in moves(ledger, alias):
        if not entry.completed:
            continue
        if entry.version in versions:
            del versions[versions.index(entry.version) :]
        versions.append(entry.version)
    return versions
