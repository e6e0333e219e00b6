"""One endpoint of Model Serving: its serving processes, and the update in progress.

An update starts the new processes beside the old ones, and swaps them once all are ready.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.scoring_server import ScoringServer
from rehearsal.unity_catalog_fields import models_folder
from rehearsal.workspace import Fields, Workspace

_DRAIN_SECONDS = 1.0


@dataclass
class Endpoint:
    """One serving endpoint.

    Attributes:
        name: Its name.
        entities: The served entities, by name.
        traffic: Percent of the requests, by the served entity's name.
        servers: The processes, by the served entity's name.
        update: ``NOT_UPDATING``, ``IN_PROGRESS`` or ``UPDATE_FAILED``.
        pending: The served entities of the update in progress.
        message: Why the last update failed.
        config_version: Counts the updates.
        task: The update in progress.
    """

    name: str
    entities: dict[str, Fields] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    servers: dict[str, ScoringServer] = field(default_factory=dict)
    update: str = "NOT_UPDATING"
    pending: dict[str, Fields] = field(default_factory=dict)
    message: str = ""
    config_version: int = 0
    task: asyncio.Task[None] | None = None

    def begin(
        self, workspace: Workspace, entities: dict[str, Fields], traffic: dict[str, int]
    ) -> None:
        """Start an update in the background."""
        self.update, self.pending, self.message = "IN_PROGRESS", entities, ""
        self.task = asyncio.create_task(self._update(workspace, entities, traffic))

    async def _update(
        self, workspace: Workspace, entities: dict[str, Fields], traffic: dict[str, int]
    ) -> None:
        new = {
            name: ScoringServer(_folder(workspace, entity), workspace.folder / f"{name}.log")
            for name, entity in entities.items()
            if self.entities.get(name) != entity
        }
        faults = await asyncio.gather(*(server.ready() for server in new.values()))
        fault = next(filter(None, faults), None)
        if fault is not None:
            await asyncio.gather(*(server.stop() for server in new.values()))
            self.update, self.pending, self.message = "UPDATE_FAILED", {}, fault
            return
        old = {name: s for name, s in self.servers.items() if name in new or name not in entities}
        kept = {name: server for name, server in self.servers.items() if name not in old}
        self.servers, self.entities, self.traffic = {**kept, **new}, entities, traffic
        self.update, self.pending = "NOT_UPDATING", {}
        self.config_version += 1
        await asyncio.sleep(_DRAIN_SECONDS if old else 0)
        await asyncio.gather(*(server.stop() for server in old.values()))

    async def close(self) -> None:
        """End every process."""
        if self.task is not None:
            self.task.cancel()
        await asyncio.gather(*(server.stop() for server in self.servers.values()))

    def describe(self) -> Fields:
        """Return the endpoint as the service describes it."""
        described = {
            "name": self.name,
            "id": self.name,
            "creator": "rehearsal",
            "state": {
                "ready": "READY" if self.servers else "NOT_READY",
                "config_update": self.update,
            },
        }
        if self.entities:
            described["config"] = {
                **_config(self.entities, self.config_version, ready=True),
                "traffic_config": {
                    "routes": [
                        {"served_model_name": name, "traffic_percentage": percent}
                        for name, percent in self.traffic.items()
                    ]
                },
            }
        if self.pending:
            described["pending_config"] = _config(
                self.pending, self.config_version + 1, ready=False
            )
        return described


def _config(entities: dict[str, Fields], version: int, *, ready: bool) -> Fields:
    state = {"deployment": "DEPLOYMENT_READY" if ready else "DEPLOYMENT_CREATING"}
    served = [{**entity, "state": state} for entity in entities.values()]
    return {"config_version": version, "served_entities": served, "start_time": int(time.time())}


def _folder(workspace: Workspace, entity: Fields) -> Path:
    folder = models_folder(entity["entity_name"], entity["entity_version"])
    return workspace.folder / "files" / folder
