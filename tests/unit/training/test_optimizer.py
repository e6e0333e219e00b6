"""The learning rate at every step, read from the optimizer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.training.optimizer import build_optimizer, peak_learning_rate


def rates(config):
    schedule = build_optimizer(config)._learning_rate
    return [float(schedule(step)) for step in range(config.epochs * config.steps_per_epoch + 1)]


def test_the_rate_grows_with_the_batch_by_the_linear_rule(job):
    assert peak_learning_rate(job.config) == job.config.learning_rate
    assert peak_learning_rate(
        replace(job.config, global_batch_size=256, reference_batch_size=64)
    ) == pytest.approx(0.004)
    assert (
        peak_learning_rate(replace(job.config, global_batch_size=64, reference_batch_size=64))
        == job.config.learning_rate
    )


def test_a_scaled_rate_warms_up_from_the_unscaled_one_and_stays(job):
    scaled = rates(replace(job.config, global_batch_size=256, reference_batch_size=64, epochs=10))
    assert scaled[0] == pytest.approx(0.001)
    assert scaled[:5] == sorted(scaled[:5])
    assert scaled[4:] == pytest.approx([0.004] * len(scaled[4:]))


def test_a_scaled_cosine_rate_ends_at_zero(job):
    scaled = rates(
        replace(
            job.config, schedule="cosine", global_batch_size=256, reference_batch_size=64, epochs=10
        )
    )
    assert max(scaled) == pytest.approx(0.004)
    assert scaled[-1] == pytest.approx(0, abs=1e-9)


def test_nesterov_momentum_is_set(job):
    optimizer = build_optimizer(replace(job.config, optimizer="nesterov"))
    assert (optimizer.nesterov, optimizer.momentum) == (True, 0.9)
