"""How strict Model Serving is in the rehearsal: a file in the workspace's folder, read at each use.

The defaults are the service's own figures, but for delays that only cost time.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "serving.json"


@dataclass(frozen=True)
class ServingSwitches:
    """The switches of one workspace.

    Attributes:
        max_changes: How many endpoints may be created or updated in five minutes
            (https://docs.databricks.com/aws/en/machine-learning/model-serving/model-serving-limits).
        max_request_seconds: After which a request ends with 504 (same page: 297).
        idle_seconds: After which an entity that may scale to zero stops: 30 minutes.
        cold_start_seconds: How long a stopped entity takes to start.
        checks_requirements: Whether a build fails for a requirement that no index has: a
            distribution that is not installed here.
        route_field: By which of its two names a route's entity is returned:
            ``served_model_name`` or ``served_entity_name``.
        log_delay_seconds: After which a row is in the inference table; the service promises an
            hour.
        log_repeats_every: Every so many rows, one is written twice (at-least-once delivery).
        shared_catalogs: Catalogs that Delta Sharing mounts: they take no inference table.
    """

    max_changes: int = 50
    max_request_seconds: float = 297.0
    idle_seconds: float = 1800.0
    cold_start_seconds: float = 0.0
    checks_requirements: bool = True
    route_field: str = "served_model_name"
    log_delay_seconds: float = 1.0
    log_repeats_every: int = 7
    shared_catalogs: tuple[str, ...] = ("shared_sandbox",)


def read_switches(folder: Path) -> ServingSwitches:
    """Return the switches of the workspace in that folder; the defaults where none were set."""
    path = folder / _FILE
    return ServingSwitches(**json.loads(path.read_text())) if path.exists() else ServingSwitches()


def write_switches(folder: Path, switches: ServingSwitches) -> None:
    """Set the switches of the workspace in that folder, from its next request on."""
    temporary = folder / f".{_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(switches)))
    temporary.replace(folder / _FILE)
