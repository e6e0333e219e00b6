"""The lineage is read from the card, and a card that lacks a part of it is rejected by name."""

from __future__ import annotations

import pytest

from crosscloud_mnist.errors import PromotionRejectedError
from crosscloud_mnist.promotion import lineage

CARD = {
    "dataset": "mnist",
    "dataset_digest": "ab" * 32,
    "git_commit": "cd" * 20,
    "lock_digest": "12" * 32,
    "metrics": {"test_accuracy": 0.98, "test_images": 360},
}


def test_the_lineage_becomes_tags_of_the_version():
    read = lineage.read_lineage(CARD, "models:/m-1")
    assert lineage.tags(read) == {
        "dataset": "mnist",
        "dataset_digest": "ab" * 32,
        "git_commit": "cd" * 20,
        "lock_digest": "12" * 32,
        "test_accuracy": "0.98",
        "test_images": "360",
    }
    assert lineage.describe(read) == (
        "trained on mnist (abababababab) by commit cdcdcdcdcdcd; test accuracy 0.9800"
    )


@pytest.mark.parametrize(
    ("card", "missing"),
    [
        ({**CARD, "metrics": {}}, "metrics.test_accuracy"),
        ({**CARD, "metrics": "0.98"}, "metrics.test_accuracy"),
        ({"metrics": CARD["metrics"], "dataset": "mnist"}, "dataset_digest, git_commit"),
        ({}, "dataset, dataset_digest, git_commit, lock_digest, metrics.test_accuracy"),
    ],
)
def test_a_card_is_rejected_by_what_it_lacks(card, missing):
    with pytest.raises(PromotionRejectedError, match=f"the card of models:/m-1 lacks {missing}"):
        lineage.read_lineage(card, "models:/m-1")
