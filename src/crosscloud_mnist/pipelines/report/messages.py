"""The texts of the report in its two languages, both of which the page holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml
from markupsafe import Markup, escape

from crosscloud_mnist.pipelines.report.parameters import LocalizedText

LANGUAGE_TAGS = {"en": "en", "pt": "pt-BR"}  # https://www.rfc-editor.org/rfc/rfc5646
LANGUAGES = tuple(LANGUAGE_TAGS)
_BRAZILIAN = str.maketrans(".,", ",.")


@dataclass(frozen=True)
class _BrazilianNumber:
    """A number that is formatted with a decimal comma."""

    value: float

    def __format__(self, spec: str) -> str:
        return format(self.value, spec).translate(_BRAZILIAN)

    def __str__(self) -> str:
        return format(self, "")


@cache
def load_messages() -> Mapping[str, LocalizedText]:
    """Return the catalogue of messages, by key."""
    text = resources.files(__package__).joinpath("messages.yml").read_text(encoding="utf-8")
    return {key: LocalizedText(**texts) for key, texts in yaml.safe_load(text).items()}


def localize(key: str, language: str, **values: object) -> str:
    """Return a message in one language, as plain text.

    Args:
        key: Of the catalogue.
        language: One of ``LANGUAGES``.
        values: Of the placeholders; numbers are formatted by the language.
    """
    text: str = getattr(load_messages()[key], language)
    return text.format(**_prepare(values, language))


def translate(key: str, **values: object) -> Markup:
    """Return a message in every language, of which the page shows one."""
    return both(load_messages()[key], **values)


def translate_name(kind: str, name: str) -> Markup:
    """Return the name of a gate or of a variant; one that the catalogue does not have, as it is.

    Args:
        kind: ``gate`` or ``variant``.
        name: As the ledger or the evidence has it.
    """
    key = f"{kind}_{name.replace(' ', '_')}"
    return translate(key) if key in load_messages() else escape(name)


def both(text: LocalizedText, **values: object) -> Markup:
    """Return a text in every language, of which the page shows one; the values are escaped."""
    versions = {
        language: escape(getattr(text, language)).format(**_prepare(values, language))
        for language in LANGUAGES
    }
    if len(set(versions.values())) == 1:
        return versions["en"]
    return Markup("").join(
        Markup('<span lang="{}">{}</span>').format(LANGUAGE_TAGS[language], content)
        for language, content in versions.items()
    )


def number(value: object, spec: str = "") -> Markup:
    """Return a number as each language writes it; a text as it is, ``None`` as a dash."""
    if not isinstance(value, int | float):
        return escape("-" if value is None else value)
    text = f"{{value:{spec}}}"
    return both(LocalizedText(en=text, pt=text), value=value)


def _prepare(values: Mapping[str, object], language: str) -> dict[str, object]:
    if language != "pt":
        return dict(values)
    return {
        name: _BrazilianNumber(value) if isinstance(value, int | float) else value
        for name, value in values.items()
    }
