"""The licence of each distribution as an SPDX expression, and which of them are allowed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from license_expression import Licensing
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_LICENSING = Licensing()
_POLICY = Path(__file__).with_name("licenses.toml")
_CLASSIFIER = "License :: OSI Approved :: "


@dataclass(frozen=True)
class Policy:
    """What ``licenses.toml`` says.

    Attributes:
        allowed: SPDX identifiers.
        classifiers: SPDX identifier of each trove classifier.
        reviewed: SPDX expression of distributions whose metadata has none, by name.
        exceptions: The same, for licences that are not allowed in general.
    """

    allowed: frozenset[str]
    classifiers: dict[str, str]
    reviewed: dict[str, str]
    exceptions: dict[str, str]

    @classmethod
    def load(cls, path: Path = _POLICY) -> Policy:
        """Read the policy."""
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        exceptions = {name: each["license"] for name, each in content["exceptions"].items()}
        return cls(
            frozenset(content["allowed"]), content["classifiers"], content["reviewed"], exceptions
        )

    def find_license(self, name: str) -> str | None:
        """Return the SPDX expression of a distribution, or ``None`` where nobody has stated it.

        It is the policy's, or what the installed metadata declares: its ``License-Expression``, a
        ``License`` that is SPDX, or classifiers; of several, all must be kept to.

        Args:
            name: Of the distribution, normalized.
        """
        stated = self.exceptions.get(name) or self.reviewed.get(name)
        if stated:
            return stated
        try:
            declared = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            return None
        for field in ("License-Expression", "License"):
            if field in declared and _is_spdx(declared[field]):
                return declared[field]
        classifiers = [
            classifier.removeprefix(_CLASSIFIER).removeprefix("License :: ")
            for classifier in declared.get_all("Classifier", [])
            if classifier.startswith("License :: ")
        ]
        licenses = {self.classifiers.get(each) for each in classifiers}
        return (
            None if not licenses or None in licenses else " AND ".join(sorted(map(str, licenses)))
        )

    def is_allowed(self, name: str, expression: str | None) -> bool:
        """Return whether a distribution of that licence may be used."""
        if name in self.exceptions:
            return True
        return expression is not None and _is_satisfied(_LICENSING.parse(expression), self.allowed)


def _is_spdx(text: str) -> bool:
    try:
        return bool(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return False


def _is_satisfied(expression: Any, allowed: frozenset[str]) -> bool:
    """Return whether all parts of an ``AND``, or one of an ``OR``, are allowed."""
    if isinstance(expression, _LICENSING.AND):
        return all(_is_satisfied(part, allowed) for part in expression.args)
    if isinstance(expression, _LICENSING.OR):
        return any(_is_satisfied(part, allowed) for part in expression.args)
    return expression.key in allowed
