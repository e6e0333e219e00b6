"""Promotion from one Databricks workspace to another's Unity Catalog, with the shipped URIs."""

from __future__ import annotations

import httpx
import pytest

from conftest_databricks import PREFIX, SCOPE, write_secrets
from crosscloud_mnist.errors import ConfigurationError, RegistryError
