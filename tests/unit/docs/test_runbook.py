"""The runbook has an entry for each metric, gate, kind of failed check and error."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crosscloud_mnist import errors
from crosscloud_mnist.serving.telemetry.metrics import Metrics
from tests.gate_names import list_gates

PROJECT = Path(__file__).parents[3]
PACKAGE = PROJECT / "src" / "crosscloud_mnist"
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
BASES = {"CrosscloudError", "EndpointError"}  # the command's own error is a more specific one


def test_every_metric_of_the_endpoint_has_an_alarm():
    rendered, _ = Metrics(["0", "1"]).render()
    families = text_string_to_metric_families(rendered.decode())
    names = {each.name for each in families if not each.name.endswith("_created")}
    assert len(names) >= 3
    assert [name for name in names if f"`{name}`" not in RUNBOOK] == []


def test_every_gate_says_what_to_do_where_it_fails():
    names = list_gates()
    assert len(names) == 5
    assert [name for name in names if f"| `{name}` |" not in RUNBOOK] == []


def steps():
    for path in PACKAGE.rglob("*checks.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_step = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Step"
            if is_step and node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


@pytest.mark.parametrize("step", sorted(set(steps())))
def test_every_check_of_doctor_is_in_the_table_of_its_area(step):
    section = RUNBOOK.partition("## A check of doctor failed")[2]
    words = step.removesuffix(", optional").removesuffix("'s files")
    assert words.removesuffix(" of the executors") in section


def test_every_error_that_a_run_may_end_with_is_named():
    names = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.CrosscloudError)
    }
    assert sorted(name for name in names - BASES if name not in RUNBOOK) == []
