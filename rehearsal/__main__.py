"""``make rehearse``: the whole flow on loopback, then the same with the clouds swapped.

python -m rehearsal [--keep] [--params PARAMS]
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
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.flow import PROJECT, Flow, FlowError, push
from rehearsal.processes import end_group
from rehearsal.state import check_tokens, show
from rehearsal.workspace_process import WorkspaceProcess

_FOLDER = PROJECT / "data" / "rehearsal"
_RUNNING = _FOLDER / "running.json"
_MIRROR = "https://storage.googleapis.com/cvdf-datasets/mnist"
_NUMBERS = {"azure": "1111111111111111", "gcp": "2222222222222222"}
# Past the 99 % that the shipped conf demands, in minutes, without a cluster.
_PARAMS = "train_distributed.recipe=compact,train_distributed.mode=single"


def main() -> int:
    """Rehearse, or stop what an earlier rehearsal left up."""
    parser = argparse.ArgumentParser(prog="make rehearse", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the workspaces up")
    parser.add_argument("--stop", action="store_true", help="end those that were left up")
    parser.add_argument("--params", default=_PARAMS, help="of the train pipeline")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    _stop()
    if given.stop:
        return 0
    started = time.monotonic()
    try:
        wrong = _rehearse(given.params, keep=given.keep)
    except (FlowError, RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"\nThe rehearsal failed: {error}", file=sys.stderr)
        return 1
    print(f"\nRehearsed in {time.monotonic() - started:.0f} s.")
    return 1 if wrong else 0


def _rehearse(params: str, *, keep: bool) -> list[str]:
    """Run the flow, swap the clouds, and return which requests carried a wrong token."""
    mnist = _mnist()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    with _workspaces(keep=keep) as clouds:
        private, public = _keys(_FOLDER / "keys")
        variables = {**mnist, "MNIST_VERIFYING_KEY": public}
        flow = Flow(clouds, _FOLDER / "storage", variables, signing_key=private)
        flow.secrets("azure", "gcp")
        flow.secrets("gcp", "azure")
        push(flow, "azure", "gcp", params)
        print("\nNow with the clouds swapped: train on gcp, serve on azure.")
        push(flow, "gcp", "azure", params)
        for cloud in clouds.values():
            show(cloud)
        wrong = check_tokens(clouds)
        if keep:
            _explain(clouds)
    return wrong


@contextmanager
def _workspaces(*, keep: bool) -> Iterator[Mapping[str, WorkspaceProcess]]:
    """Start both; end them whatever happens, unless all went well and they are to be kept."""
    print(f"Starting two workspaces, {' and '.join(_NUMBERS)}, in {_FOLDER} ...", flush=True)
    clouds: dict[str, WorkspaceProcess] = {}
    kept = False
    try:
        with ThreadPoolExecutor() as pool:
            starting = [
                pool.submit(WorkspaceProcess.start, name, number, _FOLDER / name, keep=keep)
                for name, number in _NUMBERS.items()
            ]
            for start in starting:
                if start.exception() is None:
                    clouds[start.result().name] = start.result()
        for start in starting:
            start.result()  # raises what went wrong, once the other one is known
        _RUNNING.write_text(json.dumps({name: cloud.pid for name, cloud in clouds.items()}))
        yield clouds
        kept = keep
    finally:
        if not kept:
            for cloud in clouds.values():
                cloud.stop()
            _RUNNING.unlink(missing_ok=True)


def _stop() -> None:
    """End the workspaces of an earlier rehearsal, and only them."""
    if not _RUNNING.is_file():
        return
    for name, pid in json.loads(_RUNNING.read_text()).items():
        command = Path(f"/proc/{pid}/cmdline")
        if command.is_file() and b"rehearsal.gateway" in command.read_bytes():
            end_group(pid)
            print(f"stopped {name}")
    _RUNNING.unlink()


def _keys(folder: Path) -> tuple[str, str]:
    """Make a key pair, as the bank's would be, P-256 in PEM; return the paths of both."""
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private, public = folder / "signing.pem", folder / "signing.pub"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, spki))
    return str(private), str(public)


def _mnist() -> dict[str, str]:
    """Return where MNIST is, or an empty mapping where a mirror has it.

    Raises:
        FlowError: Neither has.
    """
    if folder := os.environ.get("MNIST_DIR"):
        return {"MNIST_DIR": str(Path(folder).resolve())}
    try:
        httpx.head(f"{_MIRROR}/train-images-idx3-ubyte.gz", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise FlowError(
            f"MNIST is not at hand: {_MIRROR} does not answer ({error}), and MNIST_DIR is not "
            "set; set it to a folder with the four MNIST files, gzipped or not"
        ) from error
    return {}


def _explain(clouds: Mapping[str, WorkspaceProcess]) -> None:
    """Say how to explore what was left up; the tokens stand in files of mode 0600."""
    print("\nBoth workspaces stay up. In a shell of this folder:")
    for name, cloud in clouds.items():
        file = _FOLDER / f"{name}.env"
        lines = [f"export {key}={value}" for key, value in cloud.variables().items()]
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, f"export MNIST_STORAGE={_FOLDER}/storage/{name}", ""]))
        print(
            f"  . {file.relative_to(PROJECT)}; {cloud.folder.relative_to(PROJECT)}/requests.jsonl"
        )
    print("  MLFLOW_TRACKING_URI=databricks mlflow experiments search")
    print(f'  echo \'[{{"fault": "503", "times": 3}}]\' > {_FOLDER}/gcp/faults.json')
    print("Stop them with: make stop")


if __name__ == "__main__":
    sys.exit(main())
