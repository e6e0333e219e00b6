"""The gates: what a candidate must show before production is changed. Each keeps its figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crosscloud_mnist.bundle import CONTRACT, Bundle, TestPredictions

Gate = dict[str, Any]


def minimum_accuracy(metrics: Mapping[str, float], threshold: float) -> Gate:
    """The accuracy on the test set must reach the threshold."""
    accuracy = float(metrics["test_accuracy"])
    return _gate(
        "minimum accuracy",
        accuracy,
        threshold,
        accuracy >= threshold,
        f"the accuracy on the test set is {accuracy:.4f}, expected at least {threshold}",
    )


def compare_with_champion(
    candidate: TestPredictions,
    champion: TestPredictions | None,
    significance: float,
    require_same_test_set: bool,
) -> Gate:
    """The candidate must not be worse than the champion, on the same images.

    McNemar's test (Q. McNemar, Psychometrika 12, 1947, 153-157), in its exact one-sided form: of
    the images that only one of the two names right, the champion has no more than chance gives
    it. The figure is the probability of a lead as large as the champion's if the two were equally
    good; below the significance the candidate is refused.
    """
    from scipy.stats import binomtest

    name = "not worse than the champion"
    if champion is None:
        return _gate(name, None, significance, True, "there is no champion yet")
    if candidate.test_set != champion.test_set:
        note = (
            f"the champion was tested on another test set ({champion.test_set[:12]}, not "
            f"{candidate.test_set[:12]}), so the two cannot be compared"
        )
        return _gate(name, None, significance, not require_same_test_set, note)
    right = candidate.predicted == candidate.labels
    champion_right = champion.predicted == champion.labels
    lost, won = int((champion_right & ~right).sum()), int((right & ~champion_right).sum())
    p = float(binomtest(lost, lost + won, alternative="greater").pvalue) if lost + won else 1.0
    note = (
        f"of {len(right)} test images the champion alone names {lost} right and the candidate "
        f"alone {won} (McNemar's exact p {p:.2g}, expected at least {significance})"
    )
    return _gate(name, p, significance, p >= significance, note)


def same_contract(candidate: Bundle, champion: Bundle | None) -> Gate:
    """Whoever calls the champion's endpoint must be able to call the candidate's unchanged."""
    expected = champion.contract() if champion else dict(CONTRACT)
    found = candidate.contract()
    differing = [key for key in sorted({*expected, *found}) if expected.get(key) != found.get(key)]
    if champion and candidate.signature() != champion.signature():
        differing.append("signature")
    note = f"it differs from what callers rely on in {', '.join(differing)}" if differing else ""
    return _gate("contract and signature", len(differing), 0, not differing, note)


def check_approval(tags: Mapping[str, str], tag: str) -> Gate:
    """A person must have set the tag on the source's model."""
    by = tags.get(tag, "")
    return _gate("approval", by or None, tag, bool(by), f"the tag {tag} of the model is not set")


def golden_parity(difference: float, threshold: float) -> Gate:
    """The target's copy must answer its golden set as the trained model did."""
    return _gate(
        "golden set of the copy",
        difference,
        threshold,
        difference <= threshold,  # a NaN is refused as well
        f"the copy's answers to its golden set differ by up to {difference:.2g}, expected at most "
        f"{threshold:.0g}",
    )


def _gate(name: str, figure: Any, threshold: Any, passed: bool, note: str) -> Gate:
    return {
        "gate": name,
        "figure": figure,
        "threshold": threshold,
        "passed": bool(passed),
        "note": note,
    }
