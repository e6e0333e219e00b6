"""Checks run one after another, each apart from the others."""

from __future__ import annotations

import time

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.check_runner import (
    NotApplicableError,
    Step,
    WaitingError,
    run_steps,
)
from crosscloud_mnist.ports import Check


def fail(error):
    def run():
        raise error

    return run


def statuses(steps, earlier=()):
    return {check.name: check.status for check in run_steps("area", steps, earlier)}


def test_the_parts_of_an_error_become_the_columns():
    message = "the volume has no rename, expected one; use another storage; run again"
    (check,) = run_steps("area", [Step("it", "more", fail(ConfigurationError(message)))], [])
    assert check == Check(
        *("area", "it", "failed", "the volume has no rename"),
        *("one", "use another storage; run again"),
    )


def test_an_error_without_an_expectation_takes_the_step_s():
    steps = [Step("it", "an answer", fail(ConfigurationError("it failed: 403; check the token")))]
    (check,) = run_steps("area", steps, [])
    assert (check.found, check.expected, check.remedy) == (
        *("it failed: 403", "an answer"),
        "check the token",
    )


def test_an_unexpected_exception_is_a_failed_check_and_the_others_run():
    steps = [Step("broken", "", fail(ZeroDivisionError("by 0"))), Step("next", "", lambda: "fine")]
    broken, following = run_steps("area", steps, [])
    assert broken.status == "failed"
    assert broken.found == "could not be checked (ZeroDivisionError): by 0"
    assert following == Check("area", "next", "passed", "fine")


def test_a_check_that_hangs_fails_after_its_timeout_and_the_others_run():
    steps = [
        Step("hangs", "", lambda: time.sleep(60) or "", timeout_seconds=0.05),
        Step("next", "", lambda: "fine"),
    ]
    started = time.monotonic()
    assert statuses(steps) == {"hangs": "failed", "next": "passed"}
    assert time.monotonic() - started < 10


def test_what_depends_on_a_failed_check_waits_for_it_and_does_not_fail():
    steps = [
        Step("first", "", fail(ConfigurationError("no"))),
        Step("second", "", pytest.fail, requires=["first"]),
        Step("third", "", pytest.fail, requires=["second"]),
    ]
    assert statuses(steps) == {"first": "failed", "second": "waiting", "third": "waiting"}


def test_a_check_may_depend_on_one_of_another_area():
    earlier = [Check("other", "thing", "failed", "gone")]
    steps = [Step("it", "", pytest.fail, requires=["other: thing"])]
    (check,) = run_steps("area", steps, earlier)
    assert (check.status, check.found) == (
        "waiting",
        "not checked before this passes: other: thing",
    )


def test_what_nothing_depends_on_is_information_whether_it_works_or_not():
    steps = [
        Step("works", "", lambda: "yes", is_required=False),
        Step("refused", "", fail(ConfigurationError("no")), is_required=False),
        Step("absent", "", fail(NotApplicableError("none yet"))),
    ]
    assert set(statuses(steps).values()) == {"information"}


def test_a_check_may_say_itself_what_it_waits_for():
    assert statuses([Step("it", "", fail(WaitingError("X is not set")))]) == {"it": "waiting"}


def test_secrets_are_masked(monkeypatch):
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-secret")
    for error in (ConfigurationError("dapi-secret is bad"), ValueError("dapi-secret")):
        (check,) = run_steps("area", [Step("it", "", fail(error))], [])
        assert "dapi-secret" not in check.found
