"""The cloud storage that this process started: its proxy, and the key that signs tokens."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rehearsal.processes import clean_environment, end_group, free_port

_START_SECONDS = 60


@dataclass(frozen=True)
class CloudStorageProcess:
    """The running storage of both workspaces.

    Attributes:
        proxy: Address of the forward proxy that leads to it.
        folder: Holds its files and its certificate.
        key: Tokens are signed with it.
        pid: The process that leads its process group.
    """

    proxy: str
    folder: Path
    key: str = field(repr=False)
    pid: int

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Start the storage in its own process group, and return once it accepts connections.

        Raises:
            RuntimeError: It did not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port, key = free_port(), secrets.token_hex(16)
        log = folder / "storage.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rehearsal.cloud_storage"),
                    *("--folder", str(folder.resolve()), "--port", str(port)),
                ],
                env={
                    **clean_environment(),
                    "PYTHONPATH": str(Path(__file__).parents[1]),
                    "REHEARSAL_STORAGE_KEY": key,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                end_group(process.pid)
                raise RuntimeError(f"the cloud storage did not start, see {log}")
            time.sleep(0.1)
        return cls(f"http://127.0.0.1:{port}", folder.resolve(), key, process.pid)

    def stop(self) -> None:
        """End the storage."""
        end_group(self.pid)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that lead a client to it."""
        return {
            "HTTPS_PROXY": self.proxy,
            "https_proxy": self.proxy,
            "REQUESTS_CA_BUNDLE": str(self.folder / "storage.pem"),
        }

    def writes(self) -> Counter[str]:
        """Return how many write requests succeeded, by credential: gcs, sas or presigned."""
        lines = (line.split() for line in (self.folder / "requests.log").read_text().splitlines())
        return Counter(
            credential
            for credential, method, status in lines
            if method not in ("GET", "HEAD") and status.startswith("2")
        )

    def block(self, *hosts: str) -> None:
        """Refuse connections to the hosts, given as patterns; none allows all again."""
        temporary = self.folder / f".blocked.{os.getpid()}"
        temporary.write_text("\n".join(hosts))
        temporary.replace(self.folder / "blocked")


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
