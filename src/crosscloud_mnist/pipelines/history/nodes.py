"""Nodes of ``history``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from crosscloud_mnist.ports import Registry
from crosscloud_mnist.promotion import ProductionModel


def read_ledger(
    registry: Registry, production: ProductionModel, _after: Any = None
) -> list[dict[str, Any]]:
    """Return the ledger's entries of the model, oldest first, its chain checked.

    Raises:
        VerificationError: An entry was changed or taken out.
    """
    return [asdict(entry) for entry in registry.ledger(production.name)]
