"""The fenced shell blocks of the pages, in the order in which a newcomer reads them.

Every block is run by ``tests/e2e/test_documentation.py``, but one with a comment before it::

    <!-- not run: why -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SHELLS = ("bash", "sh", "shell", "console")
_FENCE = re.compile(r"^(?:<!-- not run: (.+?) -->\n+)?```(\S*)[^\n]*\n(.*?)^```$", re.M | re.S)
_STEPS = ("endpoint.md", "laptop.md", "rehearsal.md", "two-clouds.md", "moving-a-model.md")


@dataclass(frozen=True)
class FencedBlock:
    """A fenced block of a page.

    Attributes:
        page: The page, relative to the project.
        line: Number of the line after the fence.
        language: What the fence names; empty where it names nothing.
        text: Its lines.
        reason: Why it is not run; empty where it is.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str

    @property
    def is_shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in _SHELLS


def find_pages(project: Path) -> list[Path]:
    """Return the README and the pages of the documentation: the steps first, in their order."""
    docs = project / "docs"
    steps = [docs / name for name in _STEPS]
    generated = docs / "generated"
    others = [path for path in docs.rglob("*.md") if generated not in path.parents]
    return [project / "README.md", *steps, *sorted({*others} - {*steps})]


def read_blocks(project: Path) -> list[FencedBlock]:
    """Return the fenced blocks of all pages, in order."""
    return [block for page in find_pages(project) for block in _read_page(page, project)]


def _read_page(page: Path, project: Path) -> Iterator[FencedBlock]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        name = page.relative_to(project).as_posix()
        yield FencedBlock(name, line, found[2], found[3], found[1] or "")
