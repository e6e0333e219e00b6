"""The SDK waits no longer than the limits say."""

from __future__ import annotations

import time

import pytest

from crosscloud_mnist.adapters.databricks.invocations import INVOCATION_LIMITS
from crosscloud_mnist.adapters.databricks.request_limits import BoundedClock


def test_a_wait_that_is_longer_than_the_limit_is_refused_at_once():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="asks to retry after 3600 s, expected at most 60 s"):
        BoundedClock(60).sleep(3600)
    assert time.monotonic() - started < 1


def test_a_wait_within_the_limit_is_waited_for():
    started = time.monotonic()
    BoundedClock(60).sleep(0.05)
    assert time.monotonic() - started >= 0.05


def test_a_request_may_take_as_long_as_the_service_lets_it():
    assert INVOCATION_LIMITS.request_seconds > 297
