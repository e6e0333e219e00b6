"""``--params``: a value may hold commas, and text stays text."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from crosscloud_mnist.hooks.params_option import parse_params, text_of


def parse(text: str) -> tuple[Any, Result]:
    parsed = []

    @click.command()
    @click.option("--params", callback=parse_params)
    def command(params: dict[str, Any]) -> None:
        parsed.append((params, text_of("a", params.get("a"))))

    result = CliRunner().invoke(command, ["--params", text])
    return (parsed[0] if parsed else None), result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1,b.c=x,b.d=2.5", {"a": 1, "b": {"c": "x", "d": 2.5}}),
        ("a=wrong on 7s, see the ticket", {"a": "wrong on 7s, see the ticket"}),
        ('a="wrong, limit=0.99",b=2', {"a": "wrong, limit=0.99", "b": 2}),
        ("a='x, y=z'", {"a": "x, y=z"}),
        ("a=[1,2],b={c: 1, d: 2}", {"a": [1, 2], "b": {"c": 1, "d": 2}}),
        ("a=null,b=true,c=", {"a": None, "b": True, "c": None}),
        ("a=b=c", {"a": "b=c"}),
        ("a=it: is: text", {"a": "it: is: text"}),
    ],
)
def test_a_comma_separates_only_what_has_a_name(text, expected):
    (params, _), _ = parse(text)
    assert params == expected


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a=0007", "0007"), ("a=1e3", "1e3"), ("a=x: y", "x: y"), ('a="2, 3"', "2, 3")],
)
def test_the_text_of_a_value_is_kept(text, kept):
    (_, text), _ = parse(text)
    assert text == kept


@pytest.mark.parametrize("text", ["folder", "=3"])
def test_an_item_without_a_name_is_rejected(text):
    parsed, result = parse(text)
    assert parsed is None
    assert "expected name=value" in result.stderr
