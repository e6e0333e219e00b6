"""Which connection is closed: idle ones first, never one whose request is in progress."""

from __future__ import annotations

import resource
from dataclasses import dataclass

import pytest

from crosscloud_mnist.serving.http.connections import (
    MAX_CONNECTIONS,
    close_longest_waiting,
    get_max_connections,
    limit_unread_bytes,
)


@dataclass
class FakeConnection:
    waiting_since: float | None
    is_idle: bool = False
    unread_bytes: int = 0
    is_aborted: bool = False

    def abort(self) -> None:
        self.is_aborted = True


def test_the_oldest_idle_connection_is_closed():
    slow, old, new = FakeConnection(1), FakeConnection(2, True), FakeConnection(3, True)
    assert close_longest_waiting([slow, new, old])
    assert [one.is_aborted for one in (slow, old, new)] == [False, True, False]


def test_without_idle_connections_the_one_that_waits_longest_for_its_client_is_closed():
    working, slow, slower = FakeConnection(None), FakeConnection(5), FakeConnection(4)
    assert close_longest_waiting([working, slow, slower])
    assert [one.is_aborted for one in (working, slow, slower)] == [False, False, True]


def test_connections_whose_requests_are_in_progress_are_never_closed():
    working = [FakeConnection(None) for _ in range(3)]
    assert not close_longest_waiting(working)
    assert not any(one.is_aborted for one in working)


def test_each_new_connection_closes_another_one():
    idle = [FakeConnection(since, True) for since in range(5)]
    for _ in range(3):
        close_longest_waiting(idle)
    assert [one.is_aborted for one in idle] == [True, True, True, False, False]


def test_the_connections_that_are_unread_longest_are_closed_down_to_the_limit():
    unread = [FakeConnection(since, unread_bytes=100) for since in (3, 1, 2)]
    limit_unread_bytes([*unread, FakeConnection(0, True)], 150)
    assert [one.is_aborted for one in unread] == [False, True, True]


def test_below_the_limit_no_connection_is_closed():
    unread = [FakeConnection(since, unread_bytes=100) for since in (3, 1, 2)]
    limit_unread_bytes(unread, 300)
    assert not any(one.is_aborted for one in unread)


@pytest.mark.parametrize(
    ("files", "expected"),
    [(256, 132), (1024, MAX_CONNECTIONS), (2**20, MAX_CONNECTIONS), (50, 1)],
)
def test_fewer_connections_are_open_where_few_files_are_allowed(monkeypatch, files, expected):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert get_max_connections.__wrapped__() == expected


def test_without_a_limit_of_files_the_connections_have_their_own(monkeypatch):
    unlimited = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda _: (unlimited, unlimited))
    assert get_max_connections.__wrapped__() == MAX_CONNECTIONS
