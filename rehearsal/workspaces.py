"""The two workspaces of a rehearsal, and their cloud storage: started, ended, or left running."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from rehearsal.cloud_storage_process import CloudStorageProcess
from rehearsal.flow import PROJECT
from rehearsal.identity_provider import IdentityProvider
from rehearsal.options import RehearsalOptions
from rehearsal.processes import end_group
from rehearsal.workspace_process import WorkspaceProcess

FOLDER = PROJECT / "data" / "rehearsal"
WORKSPACE_IDS = {"azure": "1111111111111111", "gcp": "2222222222222222"}
_RUNNING = FOLDER / "running.json"
_TOKEN_SECONDS = 70  # of which a token is used for 30: every job needs more than one


@contextmanager
def running_workspaces(
    options: RehearsalOptions, identity_provider: IdentityProvider, *, keep: bool
) -> Iterator[Mapping[str, WorkspaceProcess]]:
    """Start both, with what Terraform creates; end them with the block.

    Where they are kept, only if it fails.
    """
    print(f"Starting two workspaces, {' and '.join(WORKSPACE_IDS)}, in {FOLDER} ...", flush=True)
    workspaces: dict[str, WorkspaceProcess] = {}
    kept = False
    storage = CloudStorageProcess.start(FOLDER / "cloud_storage") if options.transports else None
    running = {"storage": storage.pid} if storage else {}
    try:
        with ThreadPoolExecutor() as pool:
            starting = [
                pool.submit(
                    WorkspaceProcess.start,
                    *(name, workspace_id, FOLDER / name, storage),
                    keep=keep,
                    issuer=identity_provider.issuer,
                    options=("--token-seconds", str(_TOKEN_SECONDS)),
                )
                for name, workspace_id in WORKSPACE_IDS.items()
            ]
            for start in starting:
                if start.exception() is None:
                    workspaces[start.result().name] = start.result()
        for start in starting:
            start.result()  # raises its error, once the other one has started
        running |= {name: workspace.pid for name, workspace in workspaces.items()}
        _RUNNING.write_text(json.dumps(running))
        for workspace in workspaces.values():
            workspace.provision()
        yield workspaces
        kept = keep
    finally:
        if not kept:
            for workspace in workspaces.values():
                workspace.stop()
            if storage:
                storage.stop()
            _RUNNING.unlink(missing_ok=True)


def stop_workspaces() -> None:
    """End the workspaces of an earlier rehearsal, and no other process."""
    if not _RUNNING.is_file():
        return
    for name, pid in json.loads(_RUNNING.read_text()).items():
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.Error:
            continue
        if {"rehearsal.gateway", "rehearsal.cloud_storage"} & set(command):
            end_group(pid)
            print(f"stopped {name}")
    _RUNNING.unlink()


def print_usage(workspaces: Mapping[str, WorkspaceProcess]) -> None:
    """Print how to use the workspaces that run on; the tokens are in files of mode 0600."""
    print("\nBoth workspaces run on. In a shell in this folder:")
    for name, workspace in workspaces.items():
        path = FOLDER / f"{name}.env"
        lines = [f"export {key}={value}" for key, value in workspace.variables().items()]
        path.touch(mode=0o600)
        path.write_text("\n".join([*lines, f"export MNIST_STORAGE={FOLDER}/storage/{name}", ""]))
        log = workspace.folder.relative_to(PROJECT) / "requests.jsonl"
        print(f"  . {path.relative_to(PROJECT)}  # its request log: {log}")
    print("  MLFLOW_TRACKING_URI=databricks mlflow experiments search")
    print(f'  echo \'[{{"fault": "503", "times": 3}}]\' > {FOLDER}/gcp/faults.json')
    print("Stop them with: make stop")
