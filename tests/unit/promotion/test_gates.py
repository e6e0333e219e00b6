"""Each gate passes what it should and names what it rejects."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from crosscloud_mnist.bundle import TestPredictions
from crosscloud_mnist.promotion import gates
from rehearsal.mnist_contract import mnist_contract

LABELS = np.arange(100, dtype=np.uint8) % 10


def predictions(wrong: range, test_set: str = "same") -> TestPredictions:
    predicted = LABELS.copy()
    predicted[wrong.start : wrong.stop] = (predicted[wrong.start : wrong.stop] + 1) % 10
    return TestPredictions(test_set, LABELS, predicted)


class FakeBundle:
    """A bundle of which only contract and signature are read."""

    def __init__(self, signature="uint8 to float32", **contract):
        self._signature, self._contract = signature, replace(mnist_contract(), **contract)

    def contract(self):
        return self._contract

    def signature(self):
        return {"inputs": self._signature}


@pytest.mark.parametrize(("accuracy", "passed"), [(0.97, True), (0.9699, False)])
def test_the_accuracy_must_reach_the_threshold(accuracy, passed):
    gate = gates.check_accuracy(accuracy, 0.97)
    assert (gate["figure"], gate["threshold"], gate["passed"]) == (accuracy, 0.97, passed)


def test_the_first_candidate_has_no_champion_to_be_worse_than():
    gate = gates.compare_with_champion(predictions(range(50)), None, 0.05, True)
    assert (gate["figure"], gate["passed"]) == (None, True)


@pytest.mark.parametrize(
    ("candidate", "champion", "p", "passed"),
    [
        (range(10), range(10), 1.0, True),  # they differ nowhere
        (range(5), range(1), 0.0625, True),  # four images fewer: chance
        (range(5), range(0), 0.03125, False),  # five images fewer
        (range(0), range(20), 1.0, True),  # better
    ],
)
def test_a_candidate_is_rejected_only_where_it_is_worse_beyond_chance(
    candidate, champion, p, passed
):
    gate = gates.compare_with_champion(predictions(candidate), predictions(champion), 0.05, True)
    assert gate["figure"] == pytest.approx(p)
    assert gate["passed"] is passed


@pytest.mark.parametrize("require_same_test_set", [True, False])
def test_models_tested_on_different_images_are_not_compared(require_same_test_set):
    other = predictions(range(0), test_set="other")
    gate = gates.compare_with_champion(predictions(range(50)), other, 0.05, require_same_test_set)
    assert (gate["figure"], gate["passed"]) == (None, not require_same_test_set)
    assert "another test set (other, not same)" in gate["note"]


@pytest.mark.parametrize(
    ("candidate", "champion", "differing"),
    [
        (FakeBundle(), None, ""),
        (FakeBundle(), FakeBundle(), ""),
        (FakeBundle(min_probability=0.5), FakeBundle(), ""),
        (FakeBundle(preprocessing="resize"), None, "preprocessing"),
        (FakeBundle(signature="float32"), FakeBundle(), "signature"),
        (
            FakeBundle(classes=("on", "off")),
            FakeBundle(image_shape=(28, 28, 3)),
            "classes, shape",
        ),
    ],
)
def test_a_contract_that_differs_is_rejected_by_what_differs(candidate, champion, differing):
    gate = gates.check_contract(candidate, champion, mnist_contract())
    assert gate["passed"] is (not differing)
    assert gate["note"].endswith(differing)


def test_an_approval_must_name_a_person():
    assert gates.check_approval({"approved_by": "ada"}, "approved_by")["passed"]
    gate = gates.check_approval({"approved_by": ""}, "approved_by")
    assert not gate["passed"]
    assert gate["note"] == "the tag approved_by of the model is not set"


@pytest.mark.parametrize(
    ("difference", "passed"), [(0.0, True), (1e-4, True), (1.1e-4, False), (math.nan, False)]
)
def test_the_copy_must_predict_as_the_trained_model_did(difference, passed):
    assert gates.check_parity(difference, 1e-4)["passed"] is passed


def test_the_summary_keeps_the_figures_and_leaves_the_notes():
    (row,) = json.loads(gates.summarize([gates.check_accuracy(0.98, 0.97)]))
    assert row == {"gate": "minimum accuracy", "figure": 0.98, "threshold": 0.97, "passed": True}
