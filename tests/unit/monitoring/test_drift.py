"""Drift and chance: the index by hand, and samples of one distribution and of two."""

from __future__ import annotations

import numpy as np
import pytest

from crosscloud_mnist.monitoring import compare, profile_images, profile_predictions
from crosscloud_mnist.monitoring.statistics import aggregate, per_image


def stroke(top=4, left=13, height=20, width=2):
    image = np.zeros((28, 28), np.uint8)
    image[top : top + height, left : left + width] = 255
    return image


def test_statistics_of_a_stroke():
    found = {name: values[0] for name, values in per_image(stroke()[None]).items()}
    assert found["mean_intensity"] == found["foreground_share"] == pytest.approx(40 / 784)
    assert found["stroke_width"] == pytest.approx(2 * 40 / 44)
    assert (found["height"], found["width"]) == (20, 2)
    assert (found["centre_y"], found["centre_x"]) == (13.5, 13.5)
    distributions = aggregate(stroke()[None])
    np.testing.assert_allclose(
        distributions["intensities"], [744 / 784, 0, 0, 0, 0, 0, 0, 40 / 784]
    )
    assert distributions["positions"].reshape(7, 7)[:, 3].sum() == pytest.approx(1)


def test_an_all_dark_and_an_all_light_image_have_finite_statistics():
    images = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    for values in per_image(images).values():
        assert np.isfinite(values).all()
    assert per_image(images)["height"].tolist() == [0, 28]


def test_the_index_follows_its_formula():
    def profile(*shares):
        return {"images": 10**6, "statistics": {"classes": {"shares": list(shares)}}}

    (drift,) = compare(profile(0.5, 0.5), profile(0.6, 0.4), 0.25)
    assert drift["psi"] == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8), rel=1e-4)
    assert not drift["drifted"]
    assert compare(profile(0.5, 0.5), profile(0.9, 0.1), 0.25)[0]["drifted"]
    assert compare(profile(1, 0), profile(0, 1), 0.25)[0]["drifted"]


def test_small_samples_of_the_same_images_are_no_drift(digits):
    images = digits["train-images-idx3-ubyte"]
    random = np.random.default_rng(1)
    alarms = 0
    reference = profile_images(images)
    for _ in range(50):
        sample = images[random.choice(len(images), 40)]
        found = profile_images(sample, reference)
        alarms += any(drift["drifted"] for drift in compare(reference, found, 0.25))
    assert alarms <= 1


def test_a_shift_to_the_right_is_drift_of_position_alone(digits):
    images = digits["train-images-idx3-ubyte"]
    reference = profile_images(images)
    moved = compare(reference, profile_images(np.roll(images, 3, axis=2), reference), 0.25)
    drifted = {drift["statistic"] for drift in moved if drift["drifted"]}
    assert "centre_x" in drifted
    assert not drifted & {
        "mean_intensity",
        "foreground_share",
        "intensities",
        "stroke_width",
        "centre_y",
        "height",
    }


def test_predictions_have_a_distribution_of_classes_and_of_confidence():
    sure, torn = np.eye(10)[3], np.full(10, 0.1)
    found = profile_predictions(np.stack([sure, sure, sure, torn]))["statistics"]
    assert found["classes"]["shares"] == [0.25, 0, 0, 0.75, 0, 0, 0, 0, 0, 0]
    assert found["confidence"]["shares"] == [0.25, 0, 0, 0, 0, 0, 0.75]


def test_colour_images_of_any_size_have_statistics_of_gray_values_and_channels():
    images = np.zeros((2, 5, 9, 3), np.uint8)
    images[0, :, 3:6, 0] = 255
    found = per_image(images)
    assert found["mean_red"].tolist() == pytest.approx([1 / 3, 0])
    assert found["mean_green"].tolist() == [0, 0]
    assert found["centre_x"][0] == pytest.approx(4)
    distributions = aggregate(images)
    assert distributions["positions"].shape == (5 * 7,)
    assert distributions["positions"].sum() == pytest.approx(1)
