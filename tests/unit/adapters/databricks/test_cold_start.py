"""A request waits for an endpoint that starts, shows it, and gives up in time."""

from __future__ import annotations

import logging

import pytest
from databricks.sdk.errors import DeadlineExceeded, InvalidParameterValue, TemporarilyUnavailable

from crosscloud_mnist.adapters.databricks import cold_start
from crosscloud_mnist.adapters.databricks.cold_start import call_until_started


class Clock:
    """Time that passes only while the code sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(cold_start, "time", clock)
    return clock


def starting(clock, seconds, error):
    """Return a call that fails until the endpoint has started."""

    def call():
        if clock.now < seconds:
            raise error
        return "predictions"

    return call


@pytest.mark.parametrize(
    "error", [DeadlineExceeded("504"), TemporarilyUnavailable("503"), TimeoutError("lost")]
)
def test_a_call_is_repeated_until_the_endpoint_has_started(clock, error, caplog):
    caplog.set_level(logging.INFO)
    call = starting(clock, 100, error)
    assert call_until_started(call, "endpoint mnist_cnn", 300) == "predictions"
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith("endpoint mnist_cnn does not respond yet (")
    assert 5 <= len(messages) <= 8  # one in 15 s


def test_an_endpoint_that_does_not_start_fails_in_time(clock):
    with pytest.raises(DeadlineExceeded):
        call_until_started(starting(clock, 1000, DeadlineExceeded("504")), "endpoint", 300)
    assert 300 <= clock.now <= 302


def test_a_rejected_request_is_not_repeated(clock):
    with pytest.raises(InvalidParameterValue):
        call_until_started(starting(clock, 1, InvalidParameterValue("no")), "endpoint", 300)
    assert clock.now == 0
