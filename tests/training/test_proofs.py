"""The driver takes a result only when the ranks' proofs agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.errors import TrainingError
from crosscloud_mnist.training.plan import Epoch, Outcome, Proof
from crosscloud_mnist.training.proofs import exchange, verify_proofs


def proof(rank: int, **change: object) -> Proof:
    shards = (rank, rank + 2)
    return replace(Proof(rank, "host", shards, 256, "float32", "ab" * 32), **change)


def outcome(*proofs: Proof, epochs: int = 2) -> Outcome:
    history = [Epoch(n, 2, 0.5, 0.9, 0.5, 0.9, 0.001, 1.5, 100.0) for n in range(1, epochs + 1)]
    return Outcome((), tuple(history), proofs)


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


def test_takes_fewer_epochs_only_where_it_may_stop_early(plan):
    halves = [replace(proof(rank), images=128) for rank in range(2)]
    with pytest.raises(TrainingError, match="ended after 1 of 2 epochs"):
        verify_proofs(outcome(*halves, epochs=1), plan)
    patient = replace(plan, epochs=3, patience=1)  # the second epoch is no better than the first
    verify_proofs(outcome(proof(0), proof(1), epochs=2), patient)
    with pytest.raises(TrainingError, match="ended after 1 of 3 epochs"):
        verify_proofs(outcome(*halves, epochs=1), patient)
    with pytest.raises(TrainingError, match="saw 256 training pictures, expected 512"):
        verify_proofs(outcome(*halves, epochs=2), patient)
