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

    def has_signature_of(self, other):
        return self._signature == other._signature


@pytest.mark.parametrize(("accuracy", "passed"), [(0.97, True), (0.9699, False)])
def test_the_accuracy_must_reach_the_threshold(accuracy, passed):
    assert gates.check_accuracy(accuracy, 0.97) == {
        "gate": "minimum accuracy",
        "figure": accuracy,
        "threshold": 0.97,
        "passed": passed,
        "note": f"the accuracy on the test set is {accuracy:.4f}, expected at least 0.97",
    }


def test_the_first_candidate_has_no_champion_to_be_worse_than():
    assert gates.compare_with_champion(predictions(range(50)), None, 0.05, True) == {
        "gate": "not worse than the champion",
        "figure": None,
        "threshold": 0.05,
        "passed": True,
        "note": "there is no champion yet",
    }


@pytest.mark.parametrize(
    ("candidate", "champion", "p", "passed"),
    [
        (range(10), range(10), 1.0, True),  # they differ nowhere
        (range(5), range(1), 0.0625, True),  # four images fewer: chance
        (range(5), range(0), 0.03125, False),  # five images fewer
        (range(0), range(20), 1.0, True),  # better
        (range(5), range(5, 10), 0.623046875, True),  # each better on as many images
    ],
)
def test_a_candidate_is_rejected_only_where_it_is_worse_beyond_chance(
    candidate, champion, p, passed
):
    gate = gates.compare_with_champion(predictions(candidate), predictions(champion), 0.05, True)
    assert gate["figure"] == pytest.approx(p)
    assert gate["passed"] is passed
    assert (gate["gate"], gate["threshold"]) == ("not worse than the champion", 0.05)


def test_the_note_counts_the_images_that_only_one_of_the_two_predicts_correctly():
    gate = gates.compare_with_champion(predictions(range(5)), predictions(range(1)), 0.0625, True)
    assert gate["note"] == (
        "of 100 test images only the champion predicts 4 correctly and only the candidate 0 "
        "(McNemar's exact p 0.062, expected at least 0.0625)"
    )
    assert gate["passed"]  # at the significance itself


@pytest.mark.parametrize("require_same_test_set", [True, False])
def test_models_tested_on_different_images_are_not_compared(require_same_test_set):
    candidate, champion = (
        predictions(range(number), test_set=digest * 32)
        for number, digest in ((50, "ab"), (0, "cd"))
    )
    assert gates.compare_with_champion(candidate, champion, 0.05, require_same_test_set) == {
        "gate": "not worse than the champion",
        "figure": None,
        "threshold": 0.05,
        "passed": not require_same_test_set,
        "note": "the champion was tested on another test set (cdcdcdcdcdcd, not abababababab), so "
        "the two cannot be compared",
    }


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
    source = "clients rely on" if champion else "contract in the globals says"
    assert gates.check_contract(candidate, champion, mnist_contract()) == {
        "gate": "contract and signature",
        "figure": len(differing.split()),
        "threshold": 0,
        "passed": not differing,
        "note": f"it differs from what {source} in {differing}" if differing else "",
    }


def test_an_approval_must_name_a_person():
    approval = {"gate": "approval", "threshold": "approved_by"}
    assert gates.check_approval({"approved_by": "ada"}, "approved_by") == {
        **approval,
        "figure": "ada",
        "passed": True,
        "note": "",
    }
    for tags in ({}, {"approved_by": ""}):
        assert gates.check_approval(tags, "approved_by") == {
            **approval,
            "figure": None,
            "passed": False,
            "note": "the tag approved_by of the model is not set",
        }


@pytest.mark.parametrize(
    ("difference", "passed"), [(0.0, True), (1e-4, True), (1.1e-4, False), (math.nan, False)]
)
def test_the_copy_must_predict_as_the_trained_model_did(difference, passed):
    gate = gates.check_parity(difference, 1e-4)
    assert gate["passed"] is passed
    assert (gate["gate"], gate["threshold"]) == ("golden set of the copy", 1e-4)
    assert gate["figure"] == pytest.approx(difference, nan_ok=True)
    assert gate["note"] == (
        f"the copy's probabilities for its golden set differ by up to {difference:.2g}, expected "
        "at most 0.0001"
    )


def test_the_summary_keeps_the_figures_and_leaves_the_notes():
    summary = gates.summarize([gates.check_accuracy(0.98, 0.97)])
    row = {"gate": "minimum accuracy", "figure": 0.98, "threshold": 0.97, "passed": True}
    assert json.loads(summary) == gates.parse_summary(summary) == [row]
