"""The ports: what the pipelines ask of the world outside, and the values that cross.

A node never reaches out by itself: it is handed an adapter that conf chose (``adapters/``)
and knows it only by one of these protocols. The values are plain and frozen, so that an adapter
may do its work in another process.
"""

from crosscloud_mnist.ports.compute import (
    BatchScorer,
    DistributedIngestor,
    Launcher,
    Mode,
    ScoringProgress,
)
from crosscloud_mnist.ports.registry import LedgerEntry, LoggedModel, ModelVersion, Registry
from crosscloud_mnist.ports.serving import Deployment, Endpoint
from crosscloud_mnist.ports.tracking import Tracker

__all__ = [
    "BatchScorer",
    "Deployment",
    "DistributedIngestor",
    "Endpoint",
    "Launcher",
    "LedgerEntry",
    "LoggedModel",
    "Mode",
    "ModelVersion",
    "Registry",
    "ScoringProgress",
    "Tracker",
]
