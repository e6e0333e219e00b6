"""What the ledger says about an alias: its moves, and the versions that it may point to."""

from __future__ import annotations

from collections.abc import Sequence

from crosscloud_mnist.ports import LedgerEntry, ModelVersion
from crosscloud_mnist.promotion import tags

PROMOTED, ROLLED_BACK = "promoted", "rolled back"  # values of LedgerEntry.action
REJECTED, REMOVED = "rejected", "removed"
_MOVES = (PROMOTED, ROLLED_BACK)


def moves(ledger: Sequence[LedgerEntry], alias: str) -> list[LedgerEntry]:
    """Return the entries that moved the alias, or were about to, oldest first."""
    return [entry for entry in ledger if entry.alias == alias and entry.action in _MOVES]


def last_entry(ledger: Sequence[LedgerEntry], alias: str, version: str) -> LedgerEntry | None:
    """Return the last entry about the version under the alias, if there is one."""
    about = [entry for entry in ledger if entry.alias == alias and entry.version == version]
    return about[-1] if about else None


def find_promotion(ledger: Sequence[LedgerEntry], alias: str, version: str) -> LedgerEntry | None:
    """Return the last completed promotion of the version under the alias, if there is one."""
    promotions = [
        entry
        for entry in moves(ledger, alias)
        if entry.version == version and entry.action == PROMOTED and entry.completed
    ]
    return promotions[-1] if promotions else None


def is_removed(ledger: Sequence[LedgerEntry], alias: str, version: str) -> bool:
    """Whether the last entry about the version under the alias is its removal."""
    entry = last_entry(ledger, alias, version)
    return entry is not None and entry.action == REMOVED


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


def find_objection(ledger: Sequence[LedgerEntry], alias: str, version: ModelVersion) -> str | None:
    """Return why the version must not be in production, although the alias points to it.

    The last entry about the version decides: it must be a completed promotion or rollback of the
    same bundle. Anyone who may write to the registry can move the alias; only a promotion that
    passed the gates writes such an entry.

    Returns:
        ``None`` where the ledger has such an entry and the version's copy was verified.
    """
    entry = last_entry(ledger, alias, version.version)
    if entry is None:
        return "the ledger has no entry of its promotion"
    if entry.action not in _MOVES:
        return f"the ledger says that it was {entry.action} ({entry.reason})"
    if entry.digest != version.digest:
        return f"the ledger recorded the digest {entry.digest}, not {version.digest}"
    if not entry.completed:
        return "its promotion was interrupted before its end"
    if version.tags.get(tags.VERIFIED) != version.digest:
        return f"its tag {tags.VERIFIED} is not its digest"
    return None
