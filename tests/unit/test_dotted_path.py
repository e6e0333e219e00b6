"""A dotted path gives the function, or one line that says what is wrong with it."""

from __future__ import annotations

import pytest

from crosscloud_mnist.dotted_path import find_module, load_function
from crosscloud_mnist.errors import ConfigurationError


def test_a_path_gives_the_function_of_an_installed_package():
    import json

    assert load_function("json.dumps", "setting") is json.dumps


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("create", "expected a function's dotted path"),
        ("no.such.module.create", "there is no module no.such.module"),
        ("json.decoder.create", "json.decoder has no such function"),
        ("broken_module.create", "imported .ZeroDivisionError: division by zero."),
    ],
)
def test_a_path_that_gives_no_function_is_named_in_one_line(path, reason, tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=reason) as raised:
        load_function(path, "contract.preprocessing")
    assert str(raised.value).startswith(f"contract.preprocessing is {path}")
    assert "\n" not in str(raised.value)


def test_a_module_is_found_without_being_imported(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_module("broken_module.create") == "broken_module"
