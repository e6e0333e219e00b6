"""The identity of the cluster, as databricks-sdk asks for it (``runtime_native_auth``)."""

from __future__ import annotations

from collections.abc import Callable

from .run_as import authorize


def init_runtime_native_auth() -> tuple[str, Callable[[], dict[str, str]]]:
    """Return the workspace's address, and what gives the headers of a request."""
    return authorize()[0], lambda: authorize()[1]
