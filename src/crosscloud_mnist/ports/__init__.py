"""The ports: what the pipelines ask of the world outside, and the values that cross.

A node never reaches out by itself: it is handed an adapter that conf chose (``adapters/``)
and knows it only by one of these protocols. The values are plain and frozen, so that an adapter
may do its work in another process.
"""

from crosscloud_mnist.ports.registry import LedgerEntry, LoggedModel, ModelVersion, Registry
from crosscloud_mnist.ports.serving import Deployment, Endpoint, Scored, Scorer
from crosscloud_mnist.ports.training import Dealer, Launcher, Mode, Tracker

__all__ = [
    "Dealer",
    "Deployment",
    "Endpoint",
    "Launcher",
    "LedgerEntry",
    "LoggedModel",
    "Mode",
    "ModelVersion",
    "Registry",
    "Scored",
    "Scorer",
    "Tracker",
]
