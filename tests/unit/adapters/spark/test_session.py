"""What is wrong with the slots of a cluster is named before Spark is used, or waited for."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from crosscloud_mnist.adapters.spark import session
from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError


@pytest.mark.parametrize("slots", ["2", "two", 0, None])
def test_slots_that_are_no_number_are_named(slots):
    with pytest.raises(ConfigurationError, match=f"slots is {slots!r}, expected a whole number"):
        SparkCluster(None, slots)


def spark_with(*slots: int) -> SimpleNamespace:
    """A session whose cluster has so many slots, one number for each time that it is asked."""
    remaining = list(slots)
    scala = SimpleNamespace(
        resourceProfileManager=lambda: SimpleNamespace(defaultResourceProfile=lambda: None),
        maxNumConcurrentTasks=lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0],
    )
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: scala)))


@pytest.fixture
def clock(monkeypatch):
    """Seconds pass at once."""
    now = [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(session.time, "sleep", lambda seconds: now.append(now.pop() + seconds))
    return now


def test_machines_that_start_later_are_waited_for_and_each_change_is_logged(clock, caplog):
    caplog.set_level(logging.INFO)
    SparkCluster(None, 2).await_slots(spark_with(0, 0, 1, 1, 2))
    assert [record.message for record in caplog.records] == [
        "Waiting for slots: 0 of 2",
        "Waiting for slots: 1 of 2",
    ]


@pytest.mark.parametrize(("master", "seconds"), [(None, 300), ("spark://127.0.0.1:7077", 60)])
def test_the_wait_for_slots_ends_with_what_the_cluster_needs(clock, master, seconds):
    with pytest.raises(ConfigurationError, match=r"Spark has 1 slots, expected 2: .* fixed number"):
        SparkCluster(master, 2).await_slots(spark_with(1))
    assert clock[0] == seconds + 1
