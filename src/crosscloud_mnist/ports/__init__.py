"""The ports: the protocols through which pipelines act, and the values that cross them.

A node opens no client. It receives an adapter that conf chose (``adapters/``) and knows it by one
of these protocols. The values are frozen dataclasses, so an adapter can run in another process.
"""

from crosscloud_mnist.ports.compute import (
    BatchScorer,
    ChunkSizes,
    DistributedIngestor,
    Launcher,
    Mode,
    ScoringProgress,
)
from crosscloud_mnist.ports.diagnosis import Check, Checker, Status, is_training, volume_checks
from crosscloud_mnist.ports.registry import (
    Ledger,
    LedgerEntry,
    LoggedModel,
    LoggedModels,
    ModelVersion,
    Registry,
    Reports,
    Versions,
)
from crosscloud_mnist.ports.serving import (
    Deployment,
    Endpoint,
    report_file_name,
    served_entity_name,
)
from crosscloud_mnist.ports.tracking import Tracker
from crosscloud_mnist.ports.version_uri import VersionUri, parse_version_uri

__all__ = [
    "BatchScorer",
    "Check",
    "Checker",
    "ChunkSizes",
    "Deployment",
    "DistributedIngestor",
    "Endpoint",
    "Launcher",
    "Ledger",
    "LedgerEntry",
    "LoggedModel",
    "LoggedModels",
    "Mode",
    "ModelVersion",
    "Registry",
    "Reports",
    "ScoringProgress",
    "Status",
    "Tracker",
    "VersionUri",
    "Versions",
    "is_training",
    "parse_version_uri",
    "report_file_name",
    "served_entity_name",
    "volume_checks",
]
