"""This machine: the local endpoint and its process."""

from crosscloud_mnist.adapters.local.endpoint import LocalEndpoint

__all__ = ["LocalEndpoint"]
