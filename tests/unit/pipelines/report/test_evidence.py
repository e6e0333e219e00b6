"""What the report tells comes from the verified bundle and the ledger, or there is no report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.errors import BundleError, RegistryError, SmokeTestError
from crosscloud_mnist.pipelines.report.evidence import find_reported_version, gather_evidence
from crosscloud_mnist.preprocessing.variants import VARIANTS
from tests.unit.pipelines.report.production_registry import PRODUCTION, ProductionRegistry


def test_the_samples_are_predicted_in_every_variant(evidence):
    assert [row.variant for row in evidence.robustness] == list(VARIANTS)
    for row in evidence.robustness:
        assert row.images == 4
        assert 0 <= row.correct + row.rejected <= 4


def test_the_promotion_is_the_ledgers(evidence):
    promotion = evidence.promotion
    assert (promotion.champion, promotion.champion_accuracy) == ("1", 0.975)
    assert (promotion.actor, promotion.reason) == ("somebody@bank", "every gate passed")
    assert [(gate["gate"], gate["figure"]) for gate in promotion.gates] == [
        ("minimum accuracy", 0.98)
    ]


def test_a_version_without_a_promotion_is_one_line(registry, verifier):
    registry.entries = [replace(registry.entries[0], completed=False)]
    with pytest.raises(RegistryError, match="has no promotion of mnist_cnn 2, expected one; run"):
        gather_evidence(registry, verifier, registry.version, PRODUCTION)


def test_a_bundle_of_an_older_training_is_one_line(tiny_bundle, verifier):
    registry = ProductionRegistry(tiny_bundle)
    message = "mnist_cnn 2 cannot be reported: its card lacks calibration, history, .*; train and"
    with pytest.raises(BundleError, match=message):
        gather_evidence(registry, verifier, registry.version, PRODUCTION)


def test_a_smoke_test_of_another_version_is_one_line(registry, smoke_test):
    assert find_reported_version(registry, PRODUCTION, smoke_test) == registry.version
    stale = {**smoke_test, "model_version": "1", "digest": "ab" * 32}
    message = "the smoke test was of mnist_cnn 1, expected mnist_cnn 2, which is in production; run"
    with pytest.raises(SmokeTestError, match=message):
        find_reported_version(registry, PRODUCTION, stale)
