"""This machine: the local endpoint and its supervisor's process."""

from crosscloud_mnist.adapters.local.endpoint import LocalEndpoint
from crosscloud_mnist.adapters.local.process import stop

__all__ = ["LocalEndpoint", "stop"]
