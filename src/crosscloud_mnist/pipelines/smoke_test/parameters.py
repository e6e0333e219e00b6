"""The parameters of ``smoke_test``."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SmokeTestParameters:
    """The parameters ``smoke_test``.

    Attributes:
        expect: Where the expected class of an image comes from: ``names`` (of its folder or file),
            or ``none``, where names name no class (``IMG_20240101.jpg``).
    """

    expect: Literal["names", "none"]
