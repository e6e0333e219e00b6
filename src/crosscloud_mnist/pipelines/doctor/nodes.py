"""Nodes of ``doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from crosscloud_mnist.errors import DiagnosisError
from crosscloud_mnist.ports import Check, Checker, Status


class CheckRow(TypedDict):
    """One row of the report: see ``ports.Check``."""

    area: str
    name: str
    status: Status
    found: str
    expected: str
    remedy: str


class DoctorReport(TypedDict):
    """``doctor.json``.

    Attributes:
        passed: Whether nothing failed.
        failed: How many checks failed.
        checks: A row for each check, in order.
    """

    passed: bool
    failed: int
    checks: list[CheckRow]


def diagnose(checkers: Mapping[str, Checker]) -> DoctorReport:
    """Check everything, in order: later checks wait for what earlier ones found broken.

    Args:
        checkers: What checks each part, by its name.
    """
    checks: list[Check] = []
    for checker in checkers.values():
        checks += checker.check(checks)
    failed = sum(check.status == "failed" for check in checks)
    return {"passed": failed == 0, "failed": failed, "checks": [_row(check) for check in checks]}


def assert_passed(report: DoctorReport) -> None:
    """Fail the run, after the report is on storage.

    Raises:
        DiagnosisError: A check failed.
    """
    failed = [row for row in report["checks"] if row["status"] == "failed"]
    if failed:
        titles = ", ".join(f"{row['area']}: {row['name']}" for row in failed)
        raise DiagnosisError(
            f"{len(failed)} of {len(report['checks'])} checks failed ({titles}), expected none; do "
            "what the table says, and run kedro run --pipelines doctor again"
        )


def _row(check: Check) -> CheckRow:
    return {
        "area": check.area,
        "name": check.name,
        "status": check.status,
        "found": check.found,
        "expected": check.expected,
        "remedy": check.remedy,
    }
