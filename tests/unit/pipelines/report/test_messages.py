"""The catalogue of messages: complete, used, and formatted as each language does."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import crosscloud_mnist.pipelines.report as package
from crosscloud_mnist.pipelines.report.messages import (
    load_messages,
    localize,
    number,
    translate,
    translate_name,
)
from crosscloud_mnist.preprocessing.variants import VARIANTS
from tests.gate_names import list_gates

MESSAGES = load_messages()
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in Path(package.__file__).parent.iterdir()
    if path.suffix in (".py", ".j2")
]


def fields(text: str) -> set[tuple[str, str]]:
    parsed = string.Formatter().parse(text)
    return {(name, spec or "") for _, name, spec, _ in parsed if name}


@pytest.mark.parametrize("key", MESSAGES)
def test_both_languages_have_the_same_placeholders(key):
    assert fields(MESSAGES[key].en) == fields(MESSAGES[key].pt)


def test_every_message_is_used_and_every_one_that_is_used_exists():
    text = "\n".join(SOURCES)
    built = {
        *(f"card_{part}" for part in ("intended_use", "out_of_scope", "limits", "ethics")),
        *(f"data_{split}" for split in ("train", "validation", "test")),
        *re.findall(r'"(\w+)"', re.search(r"_SECTIONS = \((.*?)\n\)", text, re.DOTALL)[1]),
    }
    names = set(re.findall(r'"(\w+)"', text))
    built |= {f"variant_{name}" for name in VARIANTS}
    built |= {f"gate_{name.replace(' ', '_')}" for name in list_gates()}
    assert {key for key in MESSAGES if key not in names | {f"{each}_title" for each in built}} <= {
        *built,
    }
    called = set(re.findall(r'\b(?:t|translate|localize|label)\("(\w+)"[,)]', text))
    assert called <= set(MESSAGES)


def test_numbers_are_written_as_the_language_does():
    values = {"correct": 9912, "images": 10000, "accuracy": 0.9912, "loss": 0.03}
    assert "9,912 of 10,000" in localize("evaluation_summary", "en", **values)
    portuguese = localize("evaluation_summary", "pt", **values)
    assert "9.912 de 10.000" in portuguese
    assert "(99,12%)" in portuguese
    assert "0,0300 nats" in portuguese


def test_a_text_that_differs_stands_in_both_languages_and_one_that_does_not_once():
    assert translate("data_title") == ('<span lang="en">Data</span><span lang="pt-BR">Dados</span>')
    assert number(1234.5, ",.1f") == (
        '<span lang="en">1,234.5</span><span lang="pt-BR">1.234,5</span>'
    )
    assert number(7) == "7"
    assert number("approved_by") == "approved_by"
    assert number(None) == "-"


def test_gates_and_variants_have_names_in_each_language():
    gates = {f"gate_{name.replace(' ', '_')}" for name in list_gates()}
    assert {f"variant_{name}" for name in VARIANTS} | gates <= set(MESSAGES)
    assert "acurácia mínima" in translate_name("gate", "minimum accuracy")
    assert translate_name("gate", "a <gate> of ours") == "a &lt;gate&gt; of ours"


def test_values_are_escaped():
    message = translate("gates_reason", reason="<script>alert(1)</script>")
    assert "<script>" not in message
    assert "&lt;script&gt;" in message
