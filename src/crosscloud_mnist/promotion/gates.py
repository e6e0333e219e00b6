"""The gates: what a candidate must show before production changes. Each keeps its figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict, cast

from crosscloud_mnist.bundle import Bundle, TestPredictions
from crosscloud_mnist.contract import Contract


class GateSummary(TypedDict):
    """One gate and its figure, as the ledger keeps it.

    Attributes:
        gate: Its name.
        figure: What was measured; ``None`` where there was nothing to measure.
        threshold: What the figure is compared with.
        passed: Whether the candidate passed.
    """

    gate: str
    figure: float | str | None
    threshold: float | str
    passed: bool


class Gate(GateSummary):
    """One gate and what it found: a row of ``promotion_gates.json``.

    Attributes:
        note: What was found and what was expected.
    """

    note: str


def check_accuracy(accuracy: float, threshold: float) -> Gate:
    """The accuracy on the test set must reach the threshold."""
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
    """The candidate must not be worse than the champion on the same images.

    McNemar's test (Q. McNemar, Psychometrika 12, 1947, 153-157) in its exact one-sided form, over
    the images that only one of the two predicts correctly. The figure is the probability that the
    champion leads by at least as much if both are equally good. Below the significance the
    candidate is rejected.
    """
    from scipy.special import bdtrc  # scipy.stats takes three times as long to import

    name = "not worse than the champion"
    if champion is None:
        return _gate(name, None, significance, True, "there is no champion yet")
    if candidate.test_set != champion.test_set:
        note = (
            f"the champion was tested on another test set ({champion.test_set[:12]}, not "
            f"{candidate.test_set[:12]}), so the two cannot be compared"
        )
        return _gate(name, None, significance, not require_same_test_set, note)
    correct = candidate.predicted == candidate.labels
    champion_correct = champion.predicted == champion.labels
    losses, wins = (
        int((champion_correct & ~correct).sum()),
        int((correct & ~champion_correct).sum()),
    )
    p = float(bdtrc(losses - 1, losses + wins, 0.5))  # of this many losses or more
    note = (
        f"of {len(correct)} test images only the champion predicts {losses} correctly and only the "
        f"candidate {wins} (McNemar's exact p {p:.2g}, expected at least {significance})"
    )
    return _gate(name, p, significance, p >= significance, note)


def check_contract(candidate: Bundle, champion: Bundle | None, configured: Contract) -> Gate:
    """Clients of the champion's endpoint must be able to call the candidate's unchanged.

    Where there is no champion yet, the candidate must have the configured contract. Each model has
    its own ``min_probability``: calls do not depend on it.
    """
    contract = champion.contract() if champion else configured
    found = candidate.contract().to_record()
    expected = replace(contract, min_probability=found["min_probability"]).to_record()
    differing = [key for key, value in sorted(expected.items()) if found.get(key) != value]
    if champion and not candidate.has_signature_of(champion):
        differing.append("signature")
    relying = "clients rely on" if champion else "contract in the globals says"
    note = f"it differs from what {relying} in {', '.join(differing)}" if differing else ""
    return _gate("contract and signature", len(differing), 0, not differing, note)


def check_approval(tags: Mapping[str, str], tag: str) -> Gate:
    """A person must have set the tag on the logged model in the source workspace."""
    approver = tags.get(tag, "")
    note = "" if approver else f"the tag {tag} of the model is not set"
    return _gate("approval", approver or None, tag, bool(approver), note)


def check_parity(difference: float, threshold: float) -> Gate:
    """The target's copy must predict its golden set as the trained model did."""
    return _gate(
        "golden set of the copy",
        difference,
        threshold,
        difference <= threshold,  # a NaN is rejected as well
        f"the copy's probabilities for its golden set differ by up to {difference:.2g}, expected "
        f"at most {threshold:.0g}",
    )


def summarize(gates: Sequence[Gate]) -> str:
    """Return the gates without their notes, as JSON."""
    return json.dumps([{k: v for k, v in gate.items() if k != "note"} for gate in gates])


def parse_summary(summary: str) -> list[GateSummary]:
    """Return the gates of what ``summarize`` returned."""
    return cast("list[GateSummary]", json.loads(summary))


def _gate(
    name: str, figure: float | str | None, threshold: float | str, passed: bool, note: str
) -> Gate:
    return Gate(gate=name, figure=figure, threshold=threshold, passed=bool(passed), note=note)
