"""``make rehearse``: the whole flow on loopback, then again with the clouds swapped.

python -m rehearsal [--keep] [--params PARAMS] [--no-cluster] [--no-strict-storage] ...
python -m rehearsal --stop
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rehearsal.evidence import collect_evidence, print_evidence
from rehearsal.flow import Flow, FlowError, push
from rehearsal.identity_provider import IdentityProvider
from rehearsal.inputs import create_keys, find_mnist
from rehearsal.job import JobEnvironment
from rehearsal.options import RehearsalOptions, add_options, read_options
from rehearsal.package import find_built_commit, provide_package
from rehearsal.share_flow import promote_shared
from rehearsal.staging_flow import promote_staged
from rehearsal.state import print_state
from rehearsal.transports import set_transports, transport_rows
from rehearsal.unity_catalog_switches import GCS, PRESIGNED, SAS
from rehearsal.volume import Volume, mounted
from rehearsal.workspaces import FOLDER, print_usage, running_workspaces, stop_workspaces

# Reaches the 99 % that the shipped conf demands within minutes.
_PARAMS = "train_distributed.recipe=compact,train_distributed.settings.epochs=8"
_APPROVER = "model-approvers"
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
    stop_workspaces()
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
    mnist = find_mnist()
    shutil.rmtree(FOLDER, ignore_errors=True)
    with (
        _storage(options) as volume,
        IdentityProvider.running() as identity_provider,
        running_workspaces(options, identity_provider, keep=keep) as workspaces,
        _job(options, volume.variables) as job,
    ):
        private, public = create_keys(FOLDER / "keys")
        variables = {
            **mnist,
            **volume.variables,
            "MNIST_VERIFYING_KEY": public,
            "GIT_COMMIT": find_built_commit(),
        }
        flow = Flow(
            workspaces,
            volume,
            FOLDER / "cache",
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
        if options.staging:  # before gcp's storage is another one, which has no earlier versions
            rows += promote_staged(flow, flow.trained_model("azure"), _APPROVER)
        if options.share:
            set_transports(flow, options, gcp=PRESIGNED, azure=SAS)
            rows += promote_shared(flow, "azure", "gcp")
        rows += transport_rows(flow, options)
        print_evidence(rows)
        if keep:
            print_usage(workspaces)
    return all(row.is_shown for row in rows)


@contextmanager
def _job(options: RehearsalOptions, variables: Mapping[str, str]) -> Iterator[JobEnvironment]:
    """Install the wheel, and start the cluster; end the cluster with the block."""
    print("Installing the wheel into an environment of its own ...", flush=True)
    # Outside this project: a job has none, and Kedro looks for one in every parent folder.
    with tempfile.TemporaryDirectory(prefix="crosscloud-mnist-job-") as folder:
        job = JobEnvironment.create(
            provide_package(Path(folder) / "package"),
            Path(folder),
            has_cluster=options.cluster,
            cluster_variables=variables,
        )
        try:
            yield job
        finally:
            job.stop()


@contextmanager
def _storage(options: RehearsalOptions) -> Iterator[Volume]:
    """Yield the storage of both clouds."""
    folder = FOLDER / "storage"
    if not options.strict_storage:
        yield Volume(folder, None)
        return
    with mounted(folder) as volume:
        print(f"Storage: {volume.describe()}", flush=True)
        yield volume


if __name__ == "__main__":
    sys.exit(main())
