"""Calibration, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from crosscloud_mnist.monitoring import measure_calibration


def rows(*confidences: float) -> np.ndarray:
    """Predictions of class 0 with these confidences."""
    pairs = [[value, 1 - value] for value in confidences]
    return np.array(pairs, np.float32).reshape(-1, 2)


def test_the_error_is_the_weighted_distance_of_accuracy_and_confidence():
    found = measure_calibration(rows(0.9, 0.9, 0.9, 0.9, 0.6), np.array([0, 0, 0, 1, 0]))
    filled = [row for row in found["bins"] if row["images"]]
    assert [row["images"] for row in filled] == [1, 4]
    assert filled[0]["confidence"] == pytest.approx(0.6)
    assert (filled[0]["accuracy"], filled[1]["accuracy"]) == (1.0, 0.75)
    assert found["expected_calibration_error"] == pytest.approx(0.2 * 0.4 + 0.8 * 0.15)


def test_the_bins_are_fifteen_of_equal_width_and_hold_certainty():
    found = measure_calibration(rows(1.0, 0.99, 0.93), np.array([0, 0, 0]))
    assert [row["images"] for row in found["bins"]] == [0] * 13 + [1, 2]


def test_a_perfect_model_has_no_error_and_no_images_have_none_either():
    assert measure_calibration(rows(1.0, 1.0), np.array([0, 0]))["expected_calibration_error"] == 0
    assert measure_calibration(rows(), np.array([], int))["expected_calibration_error"] == 0
