"""How a node is handed the adapter that conf chose, or one for each cloud."""

from __future__ import annotations

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj

from crosscloud_mnist.isolation.proxy import ProcessProxy


class PortDataset(AbstractDataset[NoReturn, Any]):
    """Loads an object that acts on the world outside, and has nothing to save.

    Args:
        adapter: Dotted path of the adapter's class.
        options: Keyword arguments of its constructor.
        credentials: More of them, from ``credentials.yml``; never shown.
        own_process: Whether the adapter is isolated: it runs in a process of its own, whose
            environment holds the credentials and nothing that could stand for others.
        metadata: For plugins (``kedro-viz``); not used.
    """

    def __init__(
        self,
        *,
        adapter: str,
        options: dict[str, Any] | None = None,
        credentials: dict[str, Any] | None = None,
        own_process: bool = False,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._adapter = adapter
        self._options = options or {}
        self._credentials = credentials or {}
        self._own_process = own_process
        self.metadata = metadata

    def load(self) -> Any:
        """Build the adapter; its module is imported only now."""
        return self._build(self._options)

    def _build(self, options: dict[str, Any]) -> Any:
        if self._own_process:
            return ProcessProxy(self._adapter, options, self._credentials)
        return load_obj(self._adapter)(**options, **self._credentials)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002
        """Refuse: nothing can be saved through a port."""
        raise DatasetError(f"{self._adapter} is a port: it is loaded and called, never saved to")

    def _describe(self) -> dict[str, Any]:
        return {"adapter": self._adapter, "options": self._options}


class PortsDataset(PortDataset):
    """Loads one adapter for each of several clouds, by the cloud's name.

    The arguments are those of ``PortDataset``; ``options`` holds the keyword arguments of each.
    """

    def load(self) -> dict[str, Any]:
        """Build the adapters; their module is imported only now."""
        return {cloud: self._build(options) for cloud, options in self._options.items()}
