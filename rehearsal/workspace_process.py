"""A workspace that this process started: its address, its tokens and its request log."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from rehearsal.middleware import LoggedRequest, Rule
from rehearsal.processes import await_ready, clean_environment, end_group, free_port
from rehearsal.tokens import digest


@dataclass(frozen=True)
class WorkspaceProcess:
    """One running workspace.

    Attributes:
        name: ``azure`` or ``gcp``.
        host: Its URL.
        workspace_id: Its id.
        token: A personal access token.
        client_id: Id of its service principal, for OAuth.
        client_secret: Secret of its service principal.
        folder: Holds its files, its request log, and the faults to inject.
        pid: The process that leads its process group.
        stdin: A pipe that it reads: it ends when the pipe is closed.
    """

    name: str
    host: str
    workspace_id: str
    token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    folder: Path
    pid: int
    stdin: IO[bytes] | None = field(default=None, repr=False)

    @classmethod
    def start(cls, name: str, workspace_id: str, folder: Path, *, keep: bool = False) -> Self:
        """Start a workspace in its own process group, and return once it is ready.

        Args:
            name: ``azure`` or ``gcp``.
            workspace_id: Its id.
            folder: For its files; created.
            keep: Whether it runs on after this process has ended.

        Raises:
            RuntimeError: It did not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        token, secret = f"dapi{secrets.token_hex(16)}", f"dose{secrets.token_hex(16)}"
        client_id = f"principal-{name}"
        credentials = {"TOKEN": token, "CLIENT_ID": client_id, "CLIENT_SECRET": secret}
        log = folder / "gateway.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rehearsal.gateway"),
                    *("--name", name, "--workspace-id", workspace_id),
                    *("--folder", str(folder), "--port", str(port)),
                    *(() if keep else ("--end-with-stdin",)),
                ],
                env={
                    **clean_environment(),
                    "PYTHONPATH": str(Path(__file__).parents[1]),
                    **{f"REHEARSAL_{key}": value for key, value in credentials.items()},
                },
                stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        host = f"http://127.0.0.1:{port}"
        try:
            await_ready(f"{host}/.well-known/databricks-config", process, log)
        except BaseException:
            end_group(process.pid)
            raise
        return cls(
            name=name,
            host=host,
            workspace_id=workspace_id,
            token=token,
            client_id=client_id,
            client_secret=secret,
            folder=folder.resolve(),
            pid=process.pid,
            stdin=process.stdin,
        )

    def stop(self) -> None:
        """End the workspace and every process that it started."""
        end_group(self.pid)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that reach the workspace with the token."""
        return {"DATABRICKS_HOST": self.host, "DATABRICKS_TOKEN": self.token}

    def principal(self) -> dict[str, str]:
        """Return the environment variables that reach it with OAuth machine-to-machine."""
        return {
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_CLIENT_ID": self.client_id,
            "DATABRICKS_CLIENT_SECRET": self.client_secret,
        }

    def inject(self, *rules: Rule) -> None:
        """Inject faults into the next requests that match a rule."""
        temporary = self.folder / f".faults.{os.getpid()}"
        temporary.write_text(json.dumps(rules))
        temporary.replace(self.folder / "faults.json")

    def requests(self) -> list[LoggedRequest]:
        """Return every request so far, as the request log holds them."""
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def digest(self) -> str:
        """Return the digest by which the request log shows its personal access token."""
        return digest(self.token)
