"""One endpoint of Model Serving: its serving processes, and the update in progress.

An update builds the new versions, starts their processes beside the old ones, and swaps them once
all are ready.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.inference_table import PayloadLog
from rehearsal.model_storage import find_model_folder
from rehearsal.scoring_server import ScoringServer
from rehearsal.serving_build import build
from rehearsal.serving_fields import Traffic
from rehearsal.serving_switches import ServingSwitches, read_switches
from rehearsal.unity_catalog_fields import models_folder
from rehearsal.workspace import Fields, Workspace

_DRAIN_SECONDS = 1.0
_LOG_BYTES = 2**16


@dataclass
class Endpoint:
    """One serving endpoint.

    Attributes:
        name: Its name.
        workspace: Where it is.
        tags: Its tags.
        gateway: Its AI Gateway.
        entities: The served entities, by name, with all their settings.
        traffic: Percent of the requests, by the served entity's name.
        servers: The processes, by the served entity's name.
        ready_at: When each entity is started, or was used for the last time (monotonic seconds).
        update: ``NOT_UPDATING``, ``IN_PROGRESS`` or ``UPDATE_FAILED``.
        pending: The served entities of the update in progress, or of the one that failed.
        faults: Why an entity of the last update failed, by its name.
        config_version: Counts the updates.
        task: The update in progress.
        payloads: Requests for the inference table.
    """

    name: str
    workspace: Workspace
    tags: list[Fields] = field(default_factory=list)
    gateway: Fields = field(default_factory=dict)
    entities: dict[str, Fields] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=dict)
    servers: dict[str, ScoringServer] = field(default_factory=dict)
    ready_at: dict[str, float] = field(default_factory=dict)
    update: str = "NOT_UPDATING"
    pending: dict[str, Fields] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    config_version: int = 0
    task: asyncio.Task[None] | None = None
    payloads: PayloadLog = field(init=False)

    def __post_init__(self) -> None:
        """Start without logged requests."""
        self.payloads = PayloadLog(self.workspace.folder)

    @property
    def switches(self) -> ServingSwitches:
        """The switches of the workspace."""
        return read_switches(self.workspace.folder)

    @property
    def table(self) -> str | None:
        """The inference table, where requests are logged."""
        config = self.gateway.get("inference_table_config") or {}
        if not config.get("enabled"):
            return None
        levels = (config[name] for name in ("catalog_name", "schema_name", "table_name_prefix"))
        return ".".join(levels) + "_payload"

    def begin(self, entities: dict[str, Fields], traffic: Traffic) -> None:
        """Start an update in the background."""
        self.update, self.pending, self.faults = "IN_PROGRESS", entities, {}
        self.task = asyncio.create_task(self._update(entities, traffic))

    async def _update(self, entities: dict[str, Fields], traffic: Traffic) -> None:
        new = [name for name in entities if self.entities.get(name) != entities[name]]
        for name in new:
            model = self._model_folder(entities[name])
            result = build(model, checks_requirements=self.switches.checks_requirements)
            self.build_log_path(name).write_text(result.log)
            if result.fault:
                self.faults[name] = result.fault
        servers: dict[str, ScoringServer] = {}
        if not self.faults:
            servers = {
                name: ScoringServer(
                    self._model_folder(entities[name]),
                    self.server_log_path(name),
                    self.switches.max_request_seconds,
                )
                for name in new
            }
            faults = await asyncio.gather(*(server.ready() for server in servers.values()))
            self.faults = {
                name: fault for name, fault in zip(servers, faults, strict=True) if fault
            }
        if self.faults:
            await asyncio.gather(*(server.stop() for server in servers.values()))
            self.update = "UPDATE_FAILED"
            return
        await self._swap(servers, entities, traffic)

    async def _swap(
        self, new: dict[str, ScoringServer], entities: dict[str, Fields], traffic: Traffic
    ) -> None:
        old = {name: s for name, s in self.servers.items() if name in new or name not in entities}
        kept = {name: server for name, server in self.servers.items() if name not in old}
        self.servers, self.entities, self.traffic = {**kept, **new}, entities, traffic
        self.ready_at |= dict.fromkeys(new, time.monotonic())
        self.update, self.pending = "NOT_UPDATING", {}
        self.config_version += 1
        await asyncio.sleep(_DRAIN_SECONDS if old else 0)
        await asyncio.gather(*(server.stop() for server in old.values()))

    async def wait_for_start(self, entity_name: str) -> None:
        """Start the entity, if it scaled to zero, and wait until it is ready.

        Raises:
            TimeoutError: It is not ready within the time that a request may take.
        """
        switches, now = self.switches, time.monotonic()
        may_stop = self.entities[entity_name]["scale_to_zero_enabled"]
        if may_stop and now - self.ready_at[entity_name] > switches.idle_seconds:
            self.ready_at[entity_name] = now + switches.cold_start_seconds
        wait_seconds = self.ready_at[entity_name] - now
        await asyncio.sleep(max(0.0, min(wait_seconds, switches.max_request_seconds)))
        if wait_seconds > switches.max_request_seconds:
            raise TimeoutError
        self.ready_at[entity_name] = time.monotonic()

    def entity_id(self, entity_name: str) -> str:
        """Return the id of a served entity, which says nothing about its model."""
        entity = self.entities[entity_name]
        version = f"{self.name}/{entity['entity_name']}/{entity['entity_version']}"
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.workspace.host}/{version}").hex

    def build_log_path(self, entity_name: str) -> Path:
        """Return the file of an entity's build log."""
        return self.workspace.folder / f"{self.name}.{entity_name}.build.log"

    def server_log_path(self, entity_name: str) -> Path:
        """Return the file of an entity's server log."""
        return self.workspace.folder / f"{self.name}.{entity_name}.log"

    def read_log(self, path: Path) -> str:
        """Return the newest lines of a log; nothing where there is none."""
        if not path.exists():
            return ""
        return path.read_bytes()[-_LOG_BYTES:].decode(errors="replace")

    async def close(self) -> None:
        """End every process, and write what is logged."""
        if self.task is not None:
            self.task.cancel()
        await self.payloads.close()
        await asyncio.gather(*(server.stop() for server in self.servers.values()))

    def _model_folder(self, entity: Fields) -> Path:
        name, version = entity["entity_name"], entity["entity_version"]
        folder = find_model_folder(self.workspace, name, version)
        return folder or self.workspace.folder / "files" / models_folder(name, version)


class Endpoints(dict[str, Endpoint]):
    """The endpoints of a workspace by name, and when they were changed.

    Attributes:
        changes: Monotonic seconds of each creation and update.
    """

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[float] = []
