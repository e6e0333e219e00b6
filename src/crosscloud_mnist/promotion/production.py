"""What is in production: a registered model, and the alias that says which version."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ProductionModel:
    """The parameters ``production``, which every pipeline that serves or promotes shares.

    Attributes:
        name: The registered model (``mnist_cnn``; three levels in Unity Catalog).
        alias: The alias that points to the version in production.
    """

    name: str
    alias: str
