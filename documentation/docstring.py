"""What a docstring says of a class, and of each attribute."""

from __future__ import annotations

import inspect
import re

_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n      +.*)*)", re.MULTILINE)


def describe_attributes(described: type) -> dict[str, str]:
    """Return the text of each attribute in the section ``Attributes`` of a docstring."""
    _, _, section = (inspect.getdoc(described) or "").partition("Attributes:\n")
    return {name: to_markdown(" ".join(text.split())) for name, text in _ATTRIBUTE.findall(section)}


def describe_class(described: type) -> str:
    """Return what stands before the section ``Attributes``, without the summary line."""
    text, _, _ = (inspect.getdoc(described) or "").partition("Attributes:\n")
    return to_markdown(text.partition("\n")[2].strip())


def to_markdown(text: str) -> str:
    """Return text of a docstring with Markdown's marks for code."""
    return text.replace("``", "`")
