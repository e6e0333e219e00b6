"""Which way model files go in each part of a rehearsal, and what shows that they did."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.evidence import Row
from rehearsal.flow import Flow
from rehearsal.options import RehearsalOptions
from rehearsal.unity_catalog_switches import GCS, PRESIGNED, SAS, UnityCatalogSwitches

_WAYS = {GCS: "with a token of GCS", SAS: "with a SAS of Azure", PRESIGNED: "to presigned URLs"}


def set_transports(flow: Flow, options: RehearsalOptions, **transports: str) -> None:
    """Set how each cloud's Unity Catalog takes model files from now on."""
    if options.transports:
        for cloud, transport in transports.items():
            flow.workspaces[cloud].set_unity_catalog(UnityCatalogSwitches(transport=transport))


def transport_rows(flow: Flow, options: RehearsalOptions) -> Iterator[Row]:
    """Yield what the storage's log shows."""
    storage = next(iter(flow.workspaces.values())).storage
    if not options.transports or storage is None:
        return
    writes = storage.writes()
    for transport, way in _WAYS.items():
        found = f"{writes[transport]} write requests to the storage"
        yield Row(f"model files were uploaded {way}", found, writes[transport] > 0)
