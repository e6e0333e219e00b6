"""Databricks: a workspace's tracking and Unity Catalog registry, its endpoints, its secrets."""

from crosscloud_mnist.adapters.databricks.endpoint import DatabricksEndpoint
from crosscloud_mnist.adapters.databricks.registry import UnityCatalogRegistry

__all__ = ["DatabricksEndpoint", "UnityCatalogRegistry"]
