"""Evaluates the few expressions of the Terraform module that say who gets what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

_TERNARY = re.compile(r"^(.+?) \? (.+) : (.+)$")


def evaluate(value: Any, names: Mapping[str, Any]) -> Any:
    """Return the value of what python-hcl2 has read.

    Args:
        value: A literal, or an expression as ``${...}``.
        names: Values of ``var``, ``local`` and ``each``, as namespaces.
    """
    if isinstance(value, list):
        return [evaluate(each, names) for each in value]
    if isinstance(value, dict):
        return {
            key.strip('"'): evaluate(each, names)
            for key, each in value.items()
            if not key.startswith("__")
        }
    if not isinstance(value, str):
        return value
    if value.startswith('"'):
        return value.strip('"').replace("\\\\", "\\")
    expression = value.removeprefix("${").removesuffix("}")
    expression = _TERNARY.sub(r"(\2) if (\1) else (\3)", expression)
    return eval(expression, {"__builtins__": {}}, {**_FUNCTIONS, **names})


_FUNCTIONS = {
    "null": None,
    "toset": set,
    "concat": lambda *lists: [each for one in lists for each in one],
    "setunion": lambda *sets: set().union(*sets),
    "setsubtract": lambda left, right: set(left) - set(right),
    "formatlist": lambda text, values: [text % value for value in values],
    "contains": lambda values, value: value in values,
    "one": lambda values: next(iter(values)),
}


def namespace(values: Mapping[str, Any]) -> SimpleNamespace:
    """Return the values as attributes."""
    return SimpleNamespace(**values)
