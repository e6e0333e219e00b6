"""What the stand-in of the Databricks CLI knows of the services: a file that only it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STATE_VARIABLE = "REHEARSAL_CLI_STATE"
VOLUMES = "/Volumes/"


class CliError(Exception):
    """A command of the CLI was rejected."""


@dataclass(frozen=True)
class CliState:
    """The services behind the CLI.

    Attributes:
        folder: Holds the deployments and the volumes.
        python: Python of the environment that has the wheel.
        wheel: The wheel.
        commit: That the bundle is deployed from.
        secrets: OAuth secrets of the service principals, by client id.
        tables: Folders of Parquet files, by the names of the tables that they are.
        variables: More environment variables of every task.
    """

    folder: Path
    python: Path
    wheel: Path
    commit: str
    secrets: Mapping[str, str]
    tables: Mapping[str, str]
    variables: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write it for the CLI, readable by its owner alone."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(vars(self), default=str))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it."""
        fields = json.loads(path.read_text())
        paths = {name: Path(fields[name]) for name in ("folder", "python", "wheel")}
        return cls(**{**fields, **paths})

    def local_path(self, path: str) -> str:
        """Return where the volume of a path is on this machine."""
        return path.replace(VOLUMES, f"{self.folder}{VOLUMES}")
