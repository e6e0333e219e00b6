"""What the page on upgrades says about the places that a change touches."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PACKAGE = PROJECT / "src" / "crosscloud_mnist"
UPGRADES = (PROJECT / "docs" / "upgrades.md").read_text()


def files_with(pattern):
    paths = PACKAGE.rglob("*.py")
    return {str(p.relative_to(PACKAGE)) for p in paths if re.search(pattern, p.read_text())}


def test_one_file_imports_the_mirrored_strategy_runner():
    (path,) = files_with(r"from spark_tensorflow_distributor import \w+\n\n +\w")
    assert f"one file: `{path}`" in UPGRADES


def test_every_file_that_uses_the_barrier_is_named():
    found = files_with(r"\.barrier\(\)|BarrierTaskContext\b(?!\.html)|MirroredStrategyRunner\(")
    section = UPGRADES.partition("## When the RDD barrier goes away")[2]
    assert {path for path in found if Path(path).name not in section} == set()
    assert len(found) == 4


def test_every_runtime_that_is_tested_is_supported():
    names = {path.stem.replace("-lts", " LTS") for path in (PROJECT / "tests/runtimes").glob("*")}
    assert names
    assert [name for name in names if f"{name} ML" not in UPGRADES] == []
