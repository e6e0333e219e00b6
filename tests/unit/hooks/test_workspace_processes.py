"""Which processes of workspaces start before the first node."""

from __future__ import annotations

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from crosscloud_mnist.datasets.port import PortDataset
from crosscloud_mnist.hooks.workspace_processes import WorkspaceProcessHooks


class Isolated:
    """An adapter with a process of its own."""

    process_config = None


class InProcess:
    """An adapter that runs in this process."""


def call(registry, scorer, number):
    return registry, scorer, number


@pytest.fixture
def started(monkeypatch):
    loaded = []
    monkeypatch.setattr(PortDataset, "load", lambda port: loaded.append(port._adapter))
    return loaded


@pytest.mark.parametrize(("tag", "count"), [("history", 1), ("train", 0)])
def test_processes_start_at_once_unless_hours_of_training_come_first(started, tag, count):
    catalog = DataCatalog(
        {
            "registry": PortDataset(adapter=f"{__name__}.Isolated"),
            "scorer": PortDataset(adapter=f"{__name__}.InProcess"),
            "number": MemoryDataset(1),
        }
    )
    node = Node(call, ["registry", "scorer", "number"], "result", name="call", tags=tag)
    WorkspaceProcessHooks().before_pipeline_run(Pipeline([node]), catalog)
    assert started == [f"{__name__}.Isolated"] * count
