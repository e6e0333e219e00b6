"""A workspace that this process started: its address, its tokens, what it was asked."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from rehearsal.processes import await_answer, clean_environment, end_group, free_port
from rehearsal.tokens import digest


@dataclass(frozen=True)
class WorkspaceProcess:
    """One running workspace.

    Attributes:
        name: ``azure`` or ``gcp``.
        host: Its address.
        workspace_id: Its workspace id.
        token: A personal access token.
        client_id: Of its service principal, for OAuth.
        client_secret: Its secret.
        folder: Its files, its request log, and the faults to inject.
        pid: The process that leads the group.
        tie: A pipe that it reads; once that is closed, it ends.
    """

    name: str
    host: str
    workspace_id: str
    token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    folder: Path
    pid: int
    tie: IO[bytes] | None = field(default=None, repr=False)

    @classmethod
    def start(cls, name: str, workspace_id: str, folder: Path, *, keep: bool = False) -> Self:
        """Start a workspace in a process group of its own, and return once it answers.

        Args:
            name: Its name, for people.
            workspace_id: Its workspace id.
            folder: For its files.
            keep: Whether it outlives this process, however this one ends.

        Raises:
            RuntimeError: It did not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        token, secret = f"dapi{secrets.token_hex(16)}", f"dose{secrets.token_hex(16)}"
        known = {"TOKEN": token, "CLIENT_ID": f"principal-{name}", "CLIENT_SECRET": secret}
        log = folder / "gateway.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rehearsal.gateway"),
                    *("--name", name, "--number", workspace_id),
                    *("--folder", str(folder), "--port", str(port)),
                    *(() if keep else ("--tied",)),
                ],
                env={
                    **clean_environment(),
                    "PYTHONPATH": str(Path(__file__).parents[1]),
                    **{f"REHEARSAL_{key}": value for key, value in known.items()},
                },
                stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        host = f"http://127.0.0.1:{port}"
        try:
            await_answer(f"{host}/.well-known/databricks-config", process, log)
        except BaseException:
            end_group(process.pid)
            raise
        return cls(
            name=name,
            host=host,
            workspace_id=workspace_id,
            token=token,
            client_id=known["CLIENT_ID"],
            client_secret=secret,
            folder=folder.resolve(),
            pid=process.pid,
            tie=process.stdin,
        )

    def stop(self) -> None:
        """End the workspace and all that it started."""
        end_group(self.pid)

    def variables(self) -> dict[str, str]:
        """Return what a program needs in its environment to reach the workspace."""
        return {"DATABRICKS_HOST": self.host, "DATABRICKS_TOKEN": self.token}

    def principal(self) -> dict[str, str]:
        """Return the same for OAuth machine-to-machine."""
        return {
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_CLIENT_ID": self.client_id,
            "DATABRICKS_CLIENT_SECRET": self.client_secret,
        }

    def inject(self, *rules: dict[str, Any]) -> None:
        """Let the next requests that fit a rule fail: see ``door.Faults``."""
        new = self.folder / f".faults.{os.getpid()}"
        new.write_text(json.dumps(rules))
        new.replace(self.folder / "faults.json")

    def requests(self) -> list[dict[str, Any]]:
        """Return every request so far: method, path, status, and the token's short digest."""
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def digest(self) -> str:
        """Return the digest under which its personal access token stands in the log."""
        return digest(self.token)
