"""The table of assumptions names files, symbols, tests and pages that exist."""

from __future__ import annotations

import ast
import re
from importlib.metadata import distribution, version
from importlib.util import find_spec
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs"
ASSUMPTIONS = (DOCS / "assumptions.md").read_text()
SYMBOLS = re.findall(r"`([\w./]+\.py):(\d+)` `([^`]+)`", ASSUMPTIONS)
TESTS = sorted(set(re.findall(r"`(tests/[\w./]+\.py)(?:::(\w+))?`", ASSUMPTIONS)))
ROWS = [line for line in ASSUMPTIONS.splitlines() if line.startswith("| ") and "---" not in line]


def lines_of(path):
    package = path.partition("/")[0]
    (folder,) = find_spec(package).submodule_search_locations
    return (Path(folder).parent / path).read_text().splitlines()


@pytest.mark.parametrize(("path", "line", "symbol"), SYMBOLS)
def test_a_symbol_stands_at_its_line(path, line, symbol):
    number = int(line)
    assert symbol in lines_of(path)[number - 1], f"{symbol} is not at line {line} of {path}"


@pytest.mark.parametrize(
    "name", ["mlflow", "databricks-sdk", "pyspark", "spark-tensorflow-distributor"]
)
def test_the_line_numbers_are_those_of_the_installed_version(name):
    assert distribution(name)
    assert f"{name} {version(name)}" in re.sub(r"\s+", " ", ASSUMPTIONS)


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_named_test_exists(path, name):
    tree = ast.parse((PROJECT / path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert not name or name in functions


def test_every_row_has_a_source_and_says_who_can_tell():
    assert len(ROWS) > 30
    for row in ROWS:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 4, row
        assert all(cells), row
        if cells[0] != "assumption":
            assert ".py:" in cells[1] or "](https://" in cells[1], row
            assert re.match(r"no$|\*\*yes\*\*", cells[3]), row


def test_every_file_of_a_library_is_named_with_its_line():
    named = re.findall(
        r"`((?:mlflow|databricks|pyspark|spark_tensorflow_distributor)/[^`]+)`", ASSUMPTIONS
    )
    assert len(named) == len(SYMBOLS)
