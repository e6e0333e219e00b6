"""The report of ``doctor``, and the verdict on it."""

from __future__ import annotations

import pytest

from crosscloud_mnist.errors import DiagnosisError
from crosscloud_mnist.pipelines.doctor.console import FORMATTERS
from crosscloud_mnist.pipelines.doctor.nodes import assert_passed, diagnose
from crosscloud_mnist.ports import Check

FAILED = Check("compute", "slots", "failed", "1 slot", "2 slots", "add a worker")
PASSED = Check("data", "MNIST", "passed", "four files")


class Checker:
    def __init__(self, *checks):
        self.checks, self.earlier = checks, None

    def check(self, earlier):
        self.earlier = list(earlier)
        return list(self.checks)


def test_each_checker_gets_the_checks_before_its_own():
    first, second = Checker(PASSED), Checker(FAILED)
    report = diagnose({"data": first, "compute": second})
    assert (first.earlier, second.earlier) == ([], [PASSED])
    assert (report["passed"], report["failed"]) == (False, 1)


def test_a_failed_check_fails_the_run_with_the_count_in_one_line():
    report = diagnose({"all": Checker(PASSED, FAILED)})
    with pytest.raises(DiagnosisError, match=r"^1 of 2 checks failed \(compute: slots\), expected"):
        assert_passed(report)


def test_waiting_checks_and_information_do_not_fail_the_run():
    waiting = Check("storage", "driver", "waiting", "not checked")
    information = Check("compute", "runtime", "information", "not on Databricks")
    report = diagnose({"all": Checker(PASSED, waiting, information)})
    assert report["passed"]
    assert_passed(report)


def test_the_table_says_of_a_failed_check_what_is_expected_and_what_to_do():
    lines = list(FORMATTERS["doctor_report"](diagnose({"all": Checker(PASSED, FAILED)})))
    assert lines[1:] == [
        "ok       data: MNIST     four files",
        "FAILED   compute: slots  1 slot",
        "           expected: 2 slots",
        "           to do: add a worker",
        "2 checked, 1 failed",
    ]
