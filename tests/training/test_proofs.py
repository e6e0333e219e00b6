"""The driver takes a result only when the ranks' proofs agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training.plan import Outcome, Proof
from crosscloud_mnist.training.proofs import exchange, verify_proofs


def proof(rank: int, **change: object) -> Proof:
    shards = (rank, rank + 2)
    return replace(Proof(rank, "host", shards, 256, "float32", "ab" * 32), **change)


def outcome(*proofs: Proof) -> Outcome:
    return Outcome((), (), proofs)


def test_takes_what_agrees(plan):
    verify_proofs(outcome(proof(0), proof(1)), plan)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"weights_sha256": "cd" * 32}, "different weights .rank 0 abab.*rank 1 cdcd"),
        ({"shards": (0, 3)}, r"read the shards \[0, 0, 2, 3\], expected each of 4 once"),
        ({"shards": (1,)}, r"read the shards \[0, 1, 2\]"),
        ({"images": 255}, "saw 511 training pictures, expected 512"),
    ],
)
def test_refuses_what_does_not(plan, second, said):
    with pytest.raises(TrainingError, match=said) as raised:
        verify_proofs(outcome(proof(0), proof(1, **second)), plan)
    assert "\n" not in str(raised.value)


def test_a_process_outside_spark_is_alone():
    assert exchange(proof(0)) == (proof(0),)
