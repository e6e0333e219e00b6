"""The mutation score of each package, after ``mutmut run``: python -m tests.mutation_score."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

_SOURCES = Path("src/crosscloud_mnist")
_DETECTED = ("killed", "timeout")


def main() -> int:
    """Print, for each package, how many mutants there are and how many a test detects."""
    titles = ("mutants", "detected", "survived", "no test", "score")
    sys.stdout.write(f"{'':20}{''.join(f'{title:>10}' for title in titles)}\n")
    for package, statuses in sorted(count_statuses().items()):
        checked = statuses.total() - statuses["not checked"] - statuses["skipped"]
        detected = sum(statuses[status] for status in _DETECTED)
        score = f"{detected / checked:.1%}" if checked else "not run"
        figures = (checked, detected, statuses["survived"], statuses["no tests"], score)
        sys.stdout.write(f"{package:20}{''.join(f'{figure:>10}' for figure in figures)}\n")
    return 0


def count_statuses() -> Mapping[str, Counter[str]]:
    """Return how many mutants of each package have each of mutmut's statuses."""
    packages: dict[str, Counter[str]] = defaultdict(Counter)
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        relative = path.relative_to(_SOURCES).with_suffix("")
        package = relative.parts[0]
        if package in ("promotion", "storage"):  # of which only one module is mutated
            package = ".".join(relative.parts)
        packages[package].update(
            status_by_exit_code[code] for code in data.exit_code_by_key.values()
        )
    return packages


if __name__ == "__main__":
    sys.exit(main())
