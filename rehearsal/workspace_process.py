"""A workspace that this process started: its address, its tokens and its request log."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import httpx

from rehearsal.cloud_storage_process import CloudStorageProcess
from rehearsal.grants import ADMINISTERS, PRINCIPALS, PROMOTES, subject_of
from rehearsal.middleware import LoggedRequest, Rule
from rehearsal.processes import await_ready, clean_environment, end_group, free_port
from rehearsal.tokens import USER, Issuer, Principal, digest, to_json
from rehearsal.unity_catalog_switches import UnityCatalogSwitches, write_switches

_MODELS = ("data_masters.deploy.mnist_cnn", "data_masters.staging.mnist_cnn")
_EXPERIMENTS = ("/Shared/crosscloud-mnist", "/Shared/crosscloud-mnist-staging")
_PROVISIONED = (
    *(("unity-catalog/registered-models/create", name) for name in _MODELS),
    *(("experiments/create", name) for name in _EXPERIMENTS),
    *(("experiments/create", f"{name}-ledger") for name in _EXPERIMENTS),
)


@dataclass(frozen=True)
class WorkspaceProcess:
    """One running workspace.

    Attributes:
        name: ``azure`` or ``gcp``.
        host: Its URL.
        workspace_id: Its id.
        token: The administrator's personal access token.
        principals: Its service principals, by their names in ``grants.PRINCIPALS``; and
            ``administers``, which may do all.
        folder: Holds its files, its request log, and the faults to inject.
        pid: The process that leads its process group.
        stdin: A pipe that it reads: it ends when the pipe is closed.
        storage: The cloud storage of its Unity Catalog.
    """

    name: str
    host: str
    workspace_id: str
    token: str = field(repr=False)
    principals: Mapping[str, Principal] = field(repr=False)
    folder: Path
    pid: int
    stdin: IO[bytes] | None = field(default=None, repr=False)
    storage: CloudStorageProcess | None = None

    @classmethod
    def start(
        cls,
        name: str,
        workspace_id: str,
        folder: Path,
        storage: CloudStorageProcess | None = None,
        *,
        keep: bool = False,
        issuer: Issuer | None = None,
        options: Sequence[str] = (),
        environments: Mapping[str, str] | None = None,
    ) -> Self:
        """Start a workspace in its own process group, and return once it is ready.

        Args:
            name: ``azure`` or ``gcp``.
            workspace_id: Its id.
            folder: For its files; created.
            storage: The cloud storage of its Unity Catalog; without it, only the Files API works.
            keep: Whether it runs on after this process has ended.
            issuer: Whose ID tokens its service principals may exchange.
            options: More arguments of ``rehearsal.gateway``: ``--token-seconds``, ``--unified``.
            environments: The CI environment that a service principal trusts, by the principal's
                name; the others trust one of their own name.

        Raises:
            RuntimeError: It did not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        administrator = Principal(USER, f"dapi{secrets.token_hex(16)}", (ADMINISTERS,))
        principals = {
            role: Principal(
                client_id=f"{role}-{name}",
                secret=f"dose{secrets.token_hex(16)}",
                roles=roles,
                subject=subject_of((environments or {}).get(role, role)),
            )
            for role, roles in {**PRINCIPALS, ADMINISTERS: (ADMINISTERS,)}.items()
        }
        identities = to_json(administrator, principals, issuer)
        log = folder / "gateway.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rehearsal.gateway"),
                    *("--name", name, "--workspace-id", workspace_id),
                    *("--folder", str(folder), "--port", str(port)),
                    *(() if keep else ("--end-with-stdin",)),
                    *(("--storage-folder", str(storage.folder)) if storage else ()),
                    *options,
                ],
                env={
                    **clean_environment(),
                    "PYTHONPATH": str(Path(__file__).parents[1]),
                    "REHEARSAL_IDENTITIES": identities,
                    **({"REHEARSAL_STORAGE_KEY": storage.key} if storage else {}),
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
            token=administrator.secret,
            principals=principals,
            folder=folder.resolve(),
            pid=process.pid,
            stdin=process.stdin,
            storage=storage,
        )

    def stop(self) -> None:
        """End the workspace and every process that it started."""
        end_group(self.pid)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that reach the workspace with the token."""
        return {**self._network(), "DATABRICKS_HOST": self.host, "DATABRICKS_TOKEN": self.token}

    def _network(self) -> dict[str, str]:
        """Return the environment variables that lead to the cloud storage."""
        return self.storage.variables() if self.storage else {}

    @property
    def client_id(self) -> str:
        """Id of the service principal that may do all."""
        return self.principals[ADMINISTERS].client_id

    @property
    def client_secret(self) -> str:
        """Secret of the service principal that may do all."""
        return self.principals[ADMINISTERS].secret

    def principal(self, name: str = ADMINISTERS) -> dict[str, str]:
        """Return the environment variables that reach it with OAuth machine-to-machine."""
        return {
            **self._network(),
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_CLIENT_ID": self.principals[name].client_id,
            "DATABRICKS_CLIENT_SECRET": self.principals[name].secret,
        }

    def federated(self, name: str = ADMINISTERS) -> dict[str, str]:
        """Return those that reach it with an ID token, which the CI job's environment has."""
        return {
            **self._network(),
            "DATABRICKS_HOST": self.host,
            "DATABRICKS_CLIENT_ID": self.principals[name].client_id,
        }

    def provision(self) -> None:
        """Create what Terraform creates (``infra/terraform``): models and experiments.

        Those who promote own the models.
        """
        authorization = {"authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.host, headers=authorization, timeout=30) as http:
            for path, name in _PROVISIONED:
                response = http.post(f"/api/2.0/mlflow/{path}", json={"name": name})
                if response.is_error and "ALREADY_EXISTS" not in response.text:
                    response.raise_for_status()
            owner = {"owner": PROMOTES}
            for name in _MODELS:
                http.patch(f"/api/2.1/unity-catalog/models/{name}", json=owner).raise_for_status()

    def inject(self, *rules: Rule) -> None:
        """Inject faults into the next requests that match a rule."""
        temporary = self.folder / f".faults.{os.getpid()}"
        temporary.write_text(json.dumps(rules))
        temporary.replace(self.folder / "faults.json")

    def set_unity_catalog(self, switches: UnityCatalogSwitches) -> None:
        """Set how strict its Unity Catalog and its searches are."""
        write_switches(self.folder, switches)

    def requests(self) -> list[LoggedRequest]:
        """Return every request so far, as the request log holds them."""
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def digest(self) -> str:
        """Return the digest by which the request log shows its personal access token."""
        return digest(self.token)
