"""A port is loaded, never saved to, and never shows its credentials."""

from __future__ import annotations

import pytest
from kedro.io import DatasetError

from crosscloud_mnist.datasets.port import PortDataset, PortGroupDataset


def test_builds_the_adapter_from_options_and_credentials():
    port = PortDataset(
        adapter="types.SimpleNamespace", options={"slots": 2}, credentials={"token": "s3cret"}
    )
    adapter = port.load()
    assert (adapter.slots, adapter.token) == (2, "s3cret")
    assert "s3cret" not in f"{port} {port!r} {port._describe()}"


def test_refuses_to_be_saved_to():
    with pytest.raises(DatasetError, match="is a port"):
        PortDataset(adapter="types.SimpleNamespace").save(object())


def test_builds_one_adapter_for_each_cloud():
    ports = PortGroupDataset(
        adapter="types.SimpleNamespace",
        options={"azure": {"name": "a"}, "gcp": {"name": "g"}},
        credentials={"token": "s3cret"},
    )
    adapters = ports.load()
    assert {cloud: each.name for cloud, each in adapters.items()} == {"azure": "a", "gcp": "g"}
    assert {each.token for each in adapters.values()} == {"s3cret"}


def test_no_password_of_an_address_is_described_or_printed_by_kedro_catalog():
    port = PortDataset(
        adapter="types.SimpleNamespace", options={"uri": "https://ada:p%40ss@mlflow.example/x"}
    )
    shown = f"{port} {port!r} {port._describe()} {port._init_config()}"
    assert "p%40ss" not in shown
    assert "https://***@mlflow.example/x" in shown
    assert port.load().uri == "https://ada:p%40ss@mlflow.example/x"
