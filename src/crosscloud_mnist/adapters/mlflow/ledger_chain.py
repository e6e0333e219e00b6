"""The chain of a ledger: every entry names the hashes of the entries before it.

The order of the entries is that of the chain; clocks of different machines need not agree. Normally
each entry has one before it. Two promotions at once write two entries after the same one; the next
entry names both.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from crosscloud_mnist.errors import VerificationError
from crosscloud_mnist.ports import LedgerEntry

HEAD_TAG = "ledger_head"

_CHANGED = "somebody changed the ledger"


@dataclass(frozen=True)
class Anchor:
    """What the registered model's tags say of its ledger: who can write the one may not the other.

    Attributes:
        heads: Hashes of the last entries: usually one, none of an empty ledger.
        announced: Hash of an entry that was about to be written, if any.
    """

    heads: tuple[str, ...] = ()
    announced: str = ""


def hash_entry(entry: LedgerEntry) -> str:
    """Return SHA-256 over everything that the entry says, hexadecimal."""
    content = {
        name: value for name, value in asdict(entry).items() if name not in ("hash", "completed")
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def find_heads(entries: Iterable[LedgerEntry]) -> tuple[str, ...]:
    """Return the hashes, sorted, of the entries that no other entry names."""
    entries = list(entries)
    named = {previous for entry in entries for previous in entry.previous_hash.split()}
    return tuple(sorted({entry.hash for entry in entries} - named))


def verify_and_order(entries: Sequence[LedgerEntry], anchor: Anchor) -> list[LedgerEntry]:
    """Return the entries of one model, oldest first, once the chain holds.

    Args:
        entries: In any order. An entry that was written twice, by a repeated request, counts once.
        anchor: Where the chain must end.

    Raises:
        VerificationError: An entry was changed, removed, inserted or rewritten; the message says
            which.
    """
    by_hash: dict[str, LedgerEntry] = {}
    for entry in entries:
        expected = hash_entry(entry)
        if entry.hash != expected:
            raise VerificationError(
                f"the ledger's {_name(entry)} has the hash {expected}, expected {entry.hash} as it "
                f"was written: {_CHANGED}"
            )
        if entry.hash not in by_hash or entry.completed:
            by_hash[entry.hash] = entry
    for entry in by_hash.values():
        for previous in entry.previous_hash.split():
            if previous not in by_hash:
                raise VerificationError(
                    f"the ledger has no entry {previous}, expected it before the {_name(entry)}: "
                    f"{_CHANGED}, an entry was removed"
                )
    _check_anchor(by_hash, anchor)
    return _order(by_hash)


def _check_anchor(by_hash: Mapping[str, LedgerEntry], anchor: Anchor) -> None:
    heads = find_heads(by_hash.values())
    for head in anchor.heads:
        if head not in by_hash:
            raise VerificationError(
                f"the ledger ends in {' and '.join(heads) or 'nothing'}, expected {head} as the "
                f"registered model's tag {HEAD_TAG} says: {_CHANGED}, entries were removed or "
                "rewritten"
            )
    covered = _with_predecessors(by_hash, anchor.heads)
    inserted = [
        entry
        for entry in by_hash.values()
        if entry.hash not in covered and entry.hash != anchor.announced
    ]
    if inserted:
        names = ", ".join(sorted(f"{_name(entry)} {entry.hash}" for entry in inserted))
        raise VerificationError(
            f"the ledger has the heads {' and '.join(heads)}, expected "
            f"{' and '.join(anchor.heads) or 'none'} as the registered model's tag {HEAD_TAG} "
            f"says: {_CHANGED}, or its tag; not covered by the tag: {names}; delete what was "
            "inserted, or set the tag once the entries are known to be right"
        )


def _with_predecessors(by_hash: Mapping[str, LedgerEntry], hashes: Iterable[str]) -> set[str]:
    found: set[str] = set()
    remaining = list(hashes)
    while remaining:
        current = remaining.pop()
        if current not in found:
            found.add(current)
            remaining.extend(by_hash[current].previous_hash.split())
    return found


def _order(by_hash: Mapping[str, LedgerEntry]) -> list[LedgerEntry]:
    """Return each entry after those that it names; entries written at once by their timestamps."""
    waiting = {entry.hash: len(entry.previous_hash.split()) for entry in by_hash.values()}
    following: dict[str, list[LedgerEntry]] = {}
    for entry in by_hash.values():
        for previous in entry.previous_hash.split():
            following.setdefault(previous, []).append(entry)
    ready = [(by_hash[hash_].timestamp, hash_) for hash_, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, current = heapq.heappop(ready)
        ordered.append(by_hash[current])
        for entry in following.get(current, []):
            waiting[entry.hash] -= 1
            if waiting[entry.hash] == 0:
                heapq.heappush(ready, (entry.timestamp, entry.hash))
    return ordered


def _name(entry: LedgerEntry) -> str:
    return f"entry of {entry.timestamp} ({entry.action} {entry.name} {entry.version})"
