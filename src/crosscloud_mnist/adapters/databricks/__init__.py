"""Databricks: a workspace's tracking and Unity Catalog registry, its endpoints, its secrets."""

from crosscloud_mnist.adapters.databricks.registry import Registry
from crosscloud_mnist.adapters.databricks.serving import Endpoint

__all__ = ["Endpoint", "Registry"]
