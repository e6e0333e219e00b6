"""``make rehearse``: the whole flow on loopback, then again with the clouds swapped.

python -m rehearsal [--keep] [--params PARAMS] [--no-cluster] [--no-strict-storage] ...
python -m rehearsal --stop
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.cloud_storage_process import CloudStorageProcess
from rehearsal.evidence import collect_evidence, print_evidence
from rehearsal.flow import PROJECT, Flow, FlowError, push
from rehearsal.identity_provider import IdentityProvider
from rehearsal.job import JobEnvironment
from rehearsal.options import RehearsalOptions, add_options, read_options
from rehearsal.package import find_built_commit
from rehearsal.processes import end_group
from rehearsal.share_flow import promote_shared
from rehearsal.state import print_state
from rehearsal.transports import set_transports, transport_rows
from rehearsal.unity_catalog_switches import GCS, PRESIGNED, SAS
from rehearsal.volume import Volume, mounted
from rehearsal.workspace_process import WorkspaceProcess

_FOLDER = PROJECT / "data" / "rehearsal"
_RUNNING = _FOLDER / "running.json"
_MIRROR = "https://storage.googleapis.com/cvdf-datasets/mnist"
_WORKSPACE_IDS = {"azure": "1111111111111111", "gcp": "2222222222222222"}
# Reaches the 99 % that the shipped conf demands within minutes.
_PARAMS = "train_distributed.recipe=compact,train_distributed.settings.epochs=8"
_TOKEN_SECONDS = 70  # of which a token is used for 30: every job needs more than one
_IN_ONE_PROCESS = ",train_distributed.mode=single"


def main() -> int:
    """Rehearse, or stop the workspaces of an earlier rehearsal."""
    parser = argparse.ArgumentParser(prog="make rehearse", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the workspaces running")
    parser.add_argument("--stop", action="store_true", help="end workspaces that were left running")
    parser.add_argument("--params", default=_PARAMS, help="of the train pipeline")
    add_options(parser)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # runs the finally blocks
    _stop()
    if arguments.stop:
        return 0
    started = time.monotonic()
    try:
        is_shown = _rehearse(arguments.params, read_options(arguments), keep=arguments.keep)
    except (FlowError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"\nThe rehearsal failed: {error}", file=sys.stderr)
        return 1
    print(f"\nRehearsed in {time.monotonic() - started:.0f} s.")
    return 0 if is_shown else 1


def _rehearse(params: str, options: RehearsalOptions, *, keep: bool) -> bool:
    """Run the flow in both directions; return whether all that it is for was shown."""
    mnist = _find_mnist()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    with (
        _storage(options) as volume,
        IdentityProvider.running() as identity_provider,
        _workspaces(options, identity_provider, keep=keep) as workspaces,
        _job(options, volume.variables) as job,
    ):
        private, public = _create_keys(_FOLDER / "keys")
        variables = {
            **mnist,
            **volume.variables,
            "MNIST_VERIFYING_KEY": public,
            "GIT_COMMIT": find_built_commit(),
        }
        flow = Flow(
            workspaces,
            volume,
            _FOLDER / "cache",
            variables,
            signing_key=private,
            job=job,
            identity_provider=identity_provider if options.federated_identity else None,
        )
        flow.write_secrets("azure", "gcp")
        flow.kedro("doctor", "azure", MNIST_SIGNING_KEY=flow.signing_key)
        params += "" if options.cluster else _IN_ONE_PROCESS
        set_transports(flow, options, gcp=GCS, azure=SAS)
        push(flow, "azure", "gcp", params)
        print("\nNow with the clouds swapped: train on gcp, serve on azure.")
        push(flow, "gcp", "azure", params)
        for workspace in workspaces.values():
            print_state(workspace)
        rows = collect_evidence(flow, options)
        if options.share:
            set_transports(flow, options, gcp=PRESIGNED, azure=SAS)
            rows += promote_shared(flow, "azure", "gcp")
        rows += transport_rows(flow, options)
        print_evidence(rows)
        if keep:
            _print_usage(workspaces)
    return all(row.is_shown for row in rows)


@contextmanager
def _job(options: RehearsalOptions, variables: Mapping[str, str]) -> Iterator[JobEnvironment]:
    """Build and install the wheel, and start the cluster; end the cluster with the block."""
    print("Building the wheel and installing it into an environment of its own ...", flush=True)
    # Outside this project: a job has none, and Kedro looks for one in every parent folder.
    with tempfile.TemporaryDirectory(prefix="crosscloud-mnist-job-") as folder:
        job = JobEnvironment.create(
            Path(folder), has_cluster=options.cluster, cluster_variables=variables
        )
        try:
            yield job
        finally:
            job.stop()


@contextmanager
def _storage(options: RehearsalOptions) -> Iterator[Volume]:
    """Yield the storage of both clouds."""
    folder = _FOLDER / "storage"
    if not options.strict_storage:
        yield Volume(folder, None)
        return
    with mounted(folder) as volume:
        print(f"Storage: {volume.describe()}", flush=True)
        yield volume


@contextmanager
def _workspaces(
    options: RehearsalOptions, identity_provider: IdentityProvider, *, keep: bool
) -> Iterator[Mapping[str, WorkspaceProcess]]:
    """Start both, with what Terraform creates; end them with the block.

    Where they are kept, only if it fails.
    """
    print(f"Starting two workspaces, {' and '.join(_WORKSPACE_IDS)}, in {_FOLDER} ...", flush=True)
    workspaces: dict[str, WorkspaceProcess] = {}
    kept = False
    storage = CloudStorageProcess.start(_FOLDER / "cloud_storage") if options.transports else None
    running = {"storage": storage.pid} if storage else {}
    try:
        with ThreadPoolExecutor() as pool:
            starting = [
                pool.submit(
                    WorkspaceProcess.start,
                    *(name, workspace_id, _FOLDER / name, storage),
                    keep=keep,
                    issuer=identity_provider.issuer,
                    options=("--token-seconds", str(_TOKEN_SECONDS)),
                )
                for name, workspace_id in _WORKSPACE_IDS.items()
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


def _stop() -> None:
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


def _create_keys(folder: Path) -> tuple[str, str]:
    """Create a key pair as a bank would have, P-256 in PEM; return both paths."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private, public = folder / "signing.pem", folder / "signing.pub"
    private.touch(mode=0o600)  # before the key is in it
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, spki))
    return str(private), str(public)


def _find_mnist() -> dict[str, str]:
    """Return the variable that names MNIST's folder; none where a mirror has the files.

    Raises:
        FlowError: MNIST is neither in a folder nor on the mirror.
    """
    if folder := os.environ.get("MNIST_DIR"):
        return {"MNIST_DIR": str(Path(folder).resolve())}
    try:
        httpx.head(f"{_MIRROR}/train-images-idx3-ubyte.gz", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise FlowError(
            f"MNIST was not found: {_MIRROR} does not answer ({error}), and MNIST_DIR is not "
            "set; set it to a folder with the four MNIST files, gzipped or not"
        ) from error
    return {}


def _print_usage(workspaces: Mapping[str, WorkspaceProcess]) -> None:
    """Print how to use the workspaces that run on; the tokens are in files of mode 0600."""
    print("\nBoth workspaces run on. In a shell in this folder:")
    for name, workspace in workspaces.items():
        path = _FOLDER / f"{name}.env"
        lines = [f"export {key}={value}" for key, value in workspace.variables().items()]
        path.touch(mode=0o600)
        path.write_text("\n".join([*lines, f"export MNIST_STORAGE={_FOLDER}/storage/{name}", ""]))
        log = workspace.folder.relative_to(PROJECT) / "requests.jsonl"
        print(f"  . {path.relative_to(PROJECT)}  # its request log: {log}")
    print("  MLFLOW_TRACKING_URI=databricks mlflow experiments search")
    print(f'  echo \'[{{"fault": "503", "times": 3}}]\' > {_FOLDER}/gcp/faults.json')
    print("Stop them with: make stop")


if __name__ == "__main__":
    sys.exit(main())
