"""The option ``--params``: how its text is split, and which values stay text.

Kedro splits it at every comma and reads every value as YAML, so that a reason that holds a comma is
cut, and a folder named 2024 becomes a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from omegaconf import OmegaConf
from yaml import YAMLError

_META_KEY = "crosscloud_mnist.params"
_QUOTES = "\"'"
# A quoted text, brackets with what they hold, or any other character but a comma.
_ITEM = re.compile(r"""(?:"[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^,])+""")


def parse_params(
    context: click.Context, option: click.Parameter, text: str | dict[str, Any]
) -> dict[str, Any]:
    """Return the parameters as nested dictionaries: the callback of the option.

    Raises:
        click.BadParameter: An item has no name.
    """
    if isinstance(text, dict):  # from the file of --config
        return text
    texts = dict(split_params(text))
    if any(not name for name in texts):
        raise click.BadParameter("expected name=value,…", context, option)
    context.meta[_META_KEY] = {name: _unquote(value) for name, value in texts.items()}
    parsed: dict[str, Any] = {}
    for name, value in texts.items():
        *groups, key = name.split(".")
        parent = parsed
        for group in groups:
            parent = parent.setdefault(group, {})
        parent[key] = _read(value)
    return parsed


def split_params(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name and its text; a comma in quotes or brackets separates nothing.

    What follows a comma and has no ``=`` belongs to the value before it. The name is empty where an
    item has none.
    """
    name, value = "", ""
    for item in _ITEM.findall(text):
        key, equals, rest = item.partition("=")
        if not equals and name:
            value += f",{item}"
            continue
        if name:
            yield name, value
        name, value = key.strip() if equals else "", rest
        if not name:
            yield name, item
    if name:
        yield name, value


def text_of(name: str, value: Any) -> str:
    """Return the text that the user gave for a parameter; outside a command, of the value."""
    context = click.get_current_context(silent=True)
    texts: Mapping[str, str] = context.meta.get(_META_KEY, {}) if context else {}
    return texts.get(name, str(value))


def _read(text: str) -> Any:
    """Read a value as Kedro does: as YAML. What is not YAML is text."""
    try:
        return OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))["value"]  # type: ignore[call-overload, index]
    except YAMLError:
        return text


def _unquote(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] in _QUOTES and text[0] == text[-1] and text[0] not in text[1:-1]:
        return text[1:-1]
    return text
