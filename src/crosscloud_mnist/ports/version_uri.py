"""The URI of a version in a model registry, as MLflow writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<number>\d+)|@(?P<alias>[^/@]+))")


@dataclass(frozen=True)
class VersionUri:
    """A version by its number or by an alias; exactly one of the two is set.

    Attributes:
        name: The registered model (three levels in Unity Catalog).
        number: ``3`` of ``models:/name/3``.
        alias: ``champion`` of ``models:/name@champion``.
    """

    name: str
    number: str | None
    alias: str | None


def parse_version_uri(uri: str) -> VersionUri | None:
    """Return the parts of a version's URI; ``None`` for another URI, such as a logged model's."""
    match = _URI.fullmatch(uri)
    return VersionUri(**match.groupdict()) if match else None
