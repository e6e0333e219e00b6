"""The learning rate at every step, as the optimizer itself gives it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crosscloud_mnist.training.rate import build_optimizer, peak_rate


def rates(plan):
    schedule = build_optimizer(plan)._learning_rate
    return [float(schedule(step)) for step in range(plan.epochs * plan.steps_per_epoch + 1)]


def test_the_rate_grows_with_the_batch_by_the_linear_rule(plan):
    assert peak_rate(plan) == plan.learning_rate
    assert peak_rate(replace(plan, batch=256, base_batch=64)) == pytest.approx(0.004)
    assert peak_rate(replace(plan, batch=64, base_batch=64)) == plan.learning_rate


def test_a_scaled_rate_warms_up_from_the_unscaled_one_and_stays(plan):
    scaled = rates(replace(plan, batch=256, base_batch=64, epochs=10))
    assert scaled[0] == pytest.approx(0.001)
    assert scaled[:5] == sorted(scaled[:5])
    assert scaled[4:] == pytest.approx([0.004] * len(scaled[4:]))


def test_a_scaled_cosine_rate_ends_at_zero(plan):
    scaled = rates(replace(plan, schedule="cosine", batch=256, base_batch=64, epochs=10))
    assert max(scaled) == pytest.approx(0.004)
    assert scaled[-1] == pytest.approx(0, abs=1e-9)


def test_momentum_is_nesterovs(plan):
    optimizer = build_optimizer(replace(plan, optimizer="nesterov"))
    assert (optimizer.nesterov, optimizer.momentum) == (True, 0.9)
