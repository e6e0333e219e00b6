"""Sphinx extension: writes the generated pages before Sphinx reads the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from documentation import command_reference, configuration_reference

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PROJECT = Path(__file__).parents[1]
_FOLDER = "generated"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", write_pages)
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
