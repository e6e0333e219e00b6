"""An endpoint with a folder and a port of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crosscloud_mnist.adapters.local import LocalEndpoint, stop
from tests.integration.adapters.local.local_endpoint import NAME, find_supervisors, free_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The endpoint's folder."""
    return tmp_path / "endpoint"


@pytest.fixture
def create(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LocalEndpoint]]:
    """Create an endpoint in the folder; it is stopped with the test."""
    monkeypatch.delenv("MNIST_ENDPOINT_TOKEN", raising=False)

    def create(**options: object) -> LocalEndpoint:
        host = str(options.setdefault("host", "127.0.0.1"))
        if "port" not in options:
            options["port"] = free_port(host)
        return LocalEndpoint(name=NAME, folder=str(folder), **options)

    yield create
    stop(folder)
    assert not find_supervisors(folder)


@pytest.fixture
def endpoint(create: Callable[..., LocalEndpoint]) -> LocalEndpoint:
    """An endpoint of one worker, not deployed yet."""
    return create()
