"""Sphinx extension: the generated pages, and shapes in docstrings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from documentation import command_reference, configuration_reference

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PROJECT = Path(__file__).parents[1]
_FOLDER = "generated"
_SHAPE = re.compile(r"(?<!`)(\[[^\]`]*\*[^\]`]*\])(?!`)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", mark_shapes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write each generated page, unless it is as it was."""
    pages = {
        "configuration.md": configuration_reference.render(PROJECT / "conf"),
        "commands.md": command_reference.render(PROJECT / "Makefile"),
    }
    folder = Path(app.srcdir) / _FOLDER
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def mark_shapes(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Mark shapes such as ``[n, *shape]`` as code: a star begins emphasis in reStructuredText."""
    lines[:] = [_SHAPE.sub(r"``\1``", line) for line in lines]
