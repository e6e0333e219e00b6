"""How strict Unity Catalog and the searches are: a file in the workspace's folder.

It is read at each use. Each default is what the service does, or the strictest reading of what it
documents.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILES_API, PRESIGNED, GCS, SAS = "files_api", "presigned", "gcs", "sas"
TRANSPORTS = (FILES_API, PRESIGNED, GCS, SAS)
_FILE = "unity_catalog.json"
_ANYONE = "*"


@dataclass(frozen=True)
class UnityCatalogSwitches:
    """The switches of one workspace.

    Attributes:
        transport: How Unity Catalog takes model files: one of ``TRANSPORTS``.
        lag_seconds: How long a search, and an alias, do not show a write.
        max_page_size: Most results on one page of a search, or of a directory.
        privileges: Unity Catalog privileges by principal, on every schema and the models in it:
            ``EXECUTE``, ``CREATE MODEL``, ``MANAGE``. ``*`` is every principal. The owner of a
            model is the principal that created it.
    """

    transport: str = FILES_API
    lag_seconds: float = 1.0
    max_page_size: int = 3
    privileges: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {_ANYONE: ("EXECUTE", "CREATE MODEL")}
    )

    def has_privilege(self, principal: str, privilege: str) -> bool:
        """Whether the principal has the privilege."""
        return any(privilege in self.privileges.get(name, ()) for name in (principal, _ANYONE))


def read_switches(folder: Path) -> UnityCatalogSwitches:
    """Return the switches of the workspace in that folder; the defaults where none were set."""
    path = folder / _FILE
    if not path.exists():
        return UnityCatalogSwitches()
    return UnityCatalogSwitches(**json.loads(path.read_text()))


def write_switches(folder: Path, switches: UnityCatalogSwitches) -> None:
    """Set the switches of the workspace in that folder, from its next request on."""
    temporary = folder / f".{_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(switches)))
    temporary.replace(folder / _FILE)
