"""Runs checks one after another: one that fails or hangs does not end the others."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from crosscloud_mnist.errors import CrosscloudError
from crosscloud_mnist.ports import Check
from crosscloud_mnist.redaction import select_secrets, summarize

Result = TypeVar("Result")

_TIMEOUT_SECONDS = 30.0
_MESSAGE = re.compile(r"(?P<found>.*?),? expected (?P<expected>.*?)(?:; (?P<remedy>.*))?")
_MESSAGE_WITHOUT_EXPECTED = re.compile(r"(?P<found>.*?)(?P<expected>)(?:; (?P<remedy>[^;]*))?")


class NotApplicableError(Exception):
    """There is nothing to check; the message says why."""


class WaitingError(Exception):
    """Something else must be mended first; the message says what."""


@dataclass(frozen=True)
class Step:
    """How one thing is checked.

    Attributes:
        name: What is checked.
        expected: What is expected.
        run: Returns what was found; raises where it is not as expected.
        requires: Checks that must pass first: names of the same area, or titles of another one.
        is_required: Whether this project depends on it; otherwise the result is information.
        remedy: What to do where the error does not say it.
        timeout_seconds: After which the check has failed.
    """

    name: str
    expected: str
    run: Callable[[], str]
    requires: Collection[str] = ()
    is_required: bool = True
    remedy: str = ""
    timeout_seconds: float = _TIMEOUT_SECONDS


def run_steps(area: str, steps: Sequence[Step], earlier: Sequence[Check]) -> list[Check]:
    """Run the steps in order and return a check for each.

    Args:
        area: What the steps belong to.
        steps: What to check.
        earlier: The checks of other areas so far.
    """
    unmet = {check.title for check in earlier if check.status in ("failed", "waiting")}
    checks: list[Check] = []
    for step in steps:
        missing = [name for name in step.requires if unmet & {name, f"{area}: {name}"}]
        check = (
            Check(area, step.name, "waiting", f"not checked before this passes: {missing[0]}")
            if missing
            else _run(area, step)
        )
        if check.status in ("failed", "waiting"):
            unmet.add(check.title)
        checks.append(check)
    return checks


def call_with_timeout(call: Callable[[], Result], timeout_seconds: float) -> Result:
    """Return the call's result; a call that hangs is left behind in its thread.

    Raises:
        TimeoutError: It did not end in time.
        Exception: What the call raised.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  raised in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no result within {timeout_seconds:.0f} s")
    return results[0]


def _run(area: str, step: Step) -> Check:
    try:
        found = call_with_timeout(step.run, step.timeout_seconds)
    except NotApplicableError as reason:
        return Check(area, step.name, "information", str(reason), step.expected)
    except WaitingError as reason:
        return Check(area, step.name, "waiting", f"not checked: {reason}")
    except CrosscloudError as error:
        check = _explain(area, step, str(error))
    except Exception as error:  # noqa: BLE001  whatever a check raises is its own result
        secrets = select_secrets(os.environ)
        check = Check(
            area,
            step.name,
            "failed",
            f"could not be checked ({type(error).__name__}): {summarize(str(error), secrets)}",
            step.expected,
            step.remedy or "run again, and report it if it fails again",
        )
    else:
        check = Check(area, step.name, "passed", found, step.expected)
    return check if step.is_required else replace(check, status="information", remedy="")


def _explain(area: str, step: Step, message: str) -> Check:
    """Split an error's message: what was found, expected, and is to be done."""
    match = _MESSAGE.fullmatch(message) or _MESSAGE_WITHOUT_EXPECTED.fullmatch(message)
    found, expected, remedy = match.groups() if match else (message, None, None)
    return Check(
        area,
        step.name,
        "failed",
        summarize(found, select_secrets(os.environ)),
        expected or step.expected,
        remedy or step.remedy,
    )
