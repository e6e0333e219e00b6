"""Nodes of ``history``."""

from __future__ import annotations

from dataclasses import asdict

from crosscloud_mnist.ports import Registry
from crosscloud_mnist.promotion import ProductionModel


def read_ledger(
    registry: Registry, production: ProductionModel, _after: object = None
) -> list[dict[str, str | bool]]:
    """Return the ledger's entries of the model, oldest first, once its chain is verified.

    Args:
        registry: The workspace that holds the ledger.
        production: The registered model.
        _after: A dataset that must exist before the ledger is read.

    Returns:
        A row for each ``ports.LedgerEntry``.

    Raises:
        VerificationError: An entry was changed or removed.
    """
    return [asdict(entry) for entry in registry.ledger(production.name)]
