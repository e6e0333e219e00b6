"""How a node receives the adapter that conf chose, or one adapter for each cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj

from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.redaction import mask_uris_in


def build_adapter(
    path: str, options: Mapping[str, Any] | None, credentials: Mapping[str, Any] | None
) -> Any:
    """Build an adapter, in a process of its own where it holds a workspace's credentials.

    Args:
        path: Dotted path of the adapter's class.
        options: Keyword arguments of its constructor.
        credentials: More of them; of an adapter in a process of its own, environment variables.
    """
    adapter = load_obj(path)
    if hasattr(adapter, "process_config"):
        return IsolatedAdapter(path, options or {}, credentials or {})
    return adapter(**(options or {}), **(credentials or {}))


class PortDataset(AbstractDataset[NoReturn, Any]):
    """Loads an adapter: an object that acts on the outside world. It has nothing to save.

    An adapter with a static method ``process_config`` holds a workspace's credentials. It runs in a
    process of its own, whose environment holds those credentials and no others; conf cannot switch
    that off. Any other adapter is built in this process.

    Example, in YAML:

    .. code-block:: yaml

        target_registry:
          type: crosscloud_mnist.datasets.port.PortDataset
          adapter: crosscloud_mnist.adapters.mlflow.MlflowRegistry
          options: {uri: "https://mlflow.example:5000", experiment: mnist}
          credentials: target

    and in Python:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.port import PortDataset
        >>> registry = PortDataset(
        ...     adapter="crosscloud_mnist.adapters.mlflow.MlflowRegistry",
        ...     options={"uri": "sqlite:////tmp/mlflow.db", "experiment": "mnist"},
        ... ).load()
        >>> registry.find_version("mnist_cnn", "0" * 64) is None
        True

    Args:
        adapter: Dotted path of the adapter's class.
        options: Keyword arguments of its constructor.
        credentials: More keyword arguments, from ``credentials.yml``, never shown. Of an adapter in
            a process of its own they are environment variables.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        adapter: str,
        options: dict[str, Any] | None = None,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._adapter = adapter
        self._options = options or {}
        self._credentials = credentials or {}
        self.metadata = metadata

    def load(self) -> Any:
        """Build the adapter; its module is imported only now."""
        return self._build(self._options)

    def start(self) -> None:
        """Start the process of an adapter that has its own: its libraries load in the meantime.

        Raises:
            ConfigurationError: The credentials are not valid.
        """
        if hasattr(load_obj(self._adapter), "process_config"):
            self.load()

    def _build(self, options: Mapping[str, Any]) -> Any:
        return build_adapter(self._adapter, options, self._credentials)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Raise: a port has nothing to save.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            f"{self._adapter} is a port, which only loads; expected no node that saves to it: "
            "remove it from the node's outputs"
        )

    def _describe(self) -> dict[str, Any]:
        return {"adapter": self._adapter, "options": mask_uris_in(self._options)}

    def _init_config(self) -> dict[str, Any]:
        """Return what ``kedro catalog`` prints, with the passwords in URIs masked."""
        config: dict[str, Any] = mask_uris_in(super()._init_config())
        return config


class PortGroupDataset(PortDataset):
    """Loads one adapter for each of several clouds, as a dictionary by the cloud's name.

    The arguments are those of ``PortDataset``, but ``options`` maps each cloud to the keyword
    arguments of its adapter.

    Example, in YAML:

    .. code-block:: yaml

        endpoints:
          type: crosscloud_mnist.datasets.port.PortGroupDataset
          adapter: crosscloud_mnist.adapters.databricks.DatabricksEndpoint
          options:
            azure: {name: mnist_cnn, workspace: databricks-uc}
            gcp: {name: mnist_cnn, workspace: "databricks-uc://scope:prefix"}
          credentials: endpoint

    and in Python:

    .. code-block:: pycon

        >>> from crosscloud_mnist.datasets.port import PortGroupDataset
        >>> endpoints = PortGroupDataset(
        ...     adapter="crosscloud_mnist.adapters.local.LocalEndpoint",
        ...     options={
        ...         "local": {
        ...             "name": "mnist_cnn",
        ...             "host": "127.0.0.1",
        ...             "port": 8501,
        ...             "folder": "/tmp/endpoint",
        ...         }
        ...     },
        ... ).load()
        >>> sorted(endpoints)
        ['local']
    """

    def load(self) -> dict[str, Any]:
        """Build the adapters; their module is imported only now."""
        return {cloud: self._build(options) for cloud, options in self._options.items()}
