"""The parameters of ``report``."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class LocalizedText:
    """A text in the languages of the report.

    Attributes:
        en: English.
        pt: Brazilian Portuguese.
    """

    en: str
    pt: str


@dataclass(frozen=True, config=_STRICT)
class ModelCardText:
    """What a model card says that no figure tells.

    Attributes:
        owner: The people or the team behind the model.
        intended_use: What it is for.
        out_of_scope: What it must not be used for.
        limits: Where it fails.
        ethics: Whom its errors may harm, and what the data says of people.
    """

    owner: str
    intended_use: LocalizedText
    out_of_scope: LocalizedText
    limits: LocalizedText
    ethics: LocalizedText


@dataclass(frozen=True, config=_STRICT)
class ReportParameters:
    """The parameters ``report``.

    Attributes:
        model_card: The texts of the model card.
    """

    model_card: ModelCardText
