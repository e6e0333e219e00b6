"""``make drill``: of two endpoints, which stand for two clouds, one is killed under load.

Then, still under load, a new version is deployed, then a corrupted one, and a worker process is
killed. No call may fail; the retries are counted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from crosscloud_mnist.adapters import local
from crosscloud_mnist.bundle import Bundle, digest_of
from crosscloud_mnist.client import Backend, FailoverClient, digest_mismatch
from crosscloud_mnist.errors import EndpointError
from crosscloud_mnist.ports import ModelVersion
from crosscloud_mnist.serving.settings import TOKEN_VARIABLE
from rehearsal.load import HEADER, Load
from rehearsal.processes import free_port

NAME = "mnist_cnn"


@dataclass(frozen=True)
class CloudEndpoint:
    """A local endpoint that stands for a cloud's.

    Attributes:
        cloud: Name of the cloud.
        endpoint: Its adapter.
        folder: The adapter's folder.
        url: Its URL for invocations.
    """

    cloud: str
    endpoint: local.LocalEndpoint
    folder: Path
    url: str

    def deploy(self, bundle: Path, version: str) -> None:
        """Serve the bundle under that version."""
        self.endpoint.deploy(ModelVersion(NAME, version, digest_of(bundle)), bundle)

    def kill(self) -> None:
        """Kill all its processes at once: the cloud is down."""
        os.killpg(self.supervisor().pid, signal.SIGKILL)
        self.supervisor().wait()

    def kill_worker(self) -> None:
        """Kill one of its worker processes."""
        workers = [
            each for each in self.supervisor().children() if "spawn_main" in str(each.cmdline())
        ]
        workers[0].kill()

    def supervisor(self) -> psutil.Process:
        """Return its first process."""
        return psutil.Process(json.loads((self.folder / "endpoint.json").read_text())["pid"])


@contextlib.contextmanager
def cloud_endpoint(cloud: str, folder: Path, **options: Any) -> Iterator[CloudEndpoint]:
    """Yield an endpoint on a free port that serves nothing yet; it is stopped at the end."""
    port = free_port()
    endpoint_folder = folder / cloud
    endpoint_folder.mkdir(parents=True)
    endpoint = local.LocalEndpoint(
        name=NAME, host="127.0.0.1", port=port, folder=str(endpoint_folder), **options
    )
    url = f"http://127.0.0.1:{port}/serving-endpoints/{NAME}/invocations"
    try:
        yield CloudEndpoint(cloud, endpoint, endpoint_folder, url)
    finally:
        local.stop(endpoint_folder)


def backends(endpoints: Sequence[CloudEndpoint]) -> list[Backend]:
    """Return the endpoints as backends of a client."""
    token = TOKEN_VARIABLE if os.environ.get(TOKEN_VARIABLE) else None
    return [Backend(each.cloud, each.url, token) for each in endpoints]


def retrained_copy(bundle: Path, folder: Path) -> Path:
    """Write a copy with another digest and the same predictions, as if trained again."""
    copy = shutil.copytree(bundle, folder)
    card = copy / "artifacts" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"trained": "again"}))
    return copy


def corrupted_copy(bundle: Path, folder: Path) -> Path:
    """Write a copy whose golden set differs from what its graph predicts."""
    copy = shutil.copytree(bundle, folder)
    golden = Bundle(copy, "").golden()
    np.savez(
        copy / "artifacts" / "golden.npz",
        images=golden.images,
        labels=(golden.labels + 1) % 10,
        expected=np.roll(golden.expected, 1, axis=1),
    )
    return copy


def main() -> int:
    """Run the drill and print what each step took."""
    parser = argparse.ArgumentParser(prog="rehearsal.drill", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("data/06_models/bundle"))
    parser.add_argument("--seconds", type=float, default=3.0, help="of load after each step")
    arguments = parser.parse_args()
    if not (arguments.bundle / "MLmodel").is_file():
        parser.error(f"{arguments.bundle} is not a bundle; run make demo, or use --bundle")
    with tempfile.TemporaryDirectory() as folder:
        return _drill(arguments.bundle, arguments.seconds, Path(folder))


def _drill(bundle: Path, seconds: float, folder: Path) -> int:
    second = retrained_copy(bundle, folder / "second")
    corrupted = corrupted_copy(bundle, folder / "corrupted")
    with (
        cloud_endpoint("azure", folder) as azure,
        cloud_endpoint("gcp", folder, workers=2) as gcp,
    ):
        for each in (azure, gcp):
            each.deploy(bundle, "1")
        golden = Bundle(bundle, "").golden()
        with (
            FailoverClient(backends([azure, gcp])) as client,
            FailoverClient(backends([gcp])) as single,
        ):
            both, one = (Load(each, golden.images, golden.expected) for each in (client, single))
            print(HEADER)
            with both.running():
                print(both.run_step("both clouds are up", seconds))
                azure.kill()
                print(both.run_step("azure is killed", seconds))
                print("  " + "; ".join(each.error for each in client.survey() if each.error))
                azure.deploy(bundle, "1")
                print(both.run_step("azure is up again", seconds))
            with one.running():
                gcp.deploy(second, "2")
                print(one.run_step("gcp deploys version 2", seconds))
                print(f"  {digest_mismatch(client.survey())}")
                try:
                    gcp.deploy(corrupted, "3")
                except EndpointError as error:
                    print(f"  version 3: {error}")
                print(one.run_step("a corrupted version 3 is rejected", seconds))
                gcp.kill_worker()
                print(one.run_step("a worker of gcp is killed", seconds))
    failures = [*both.failures, *one.failures]
    print(f"{len(failures)} failed calls" + "".join(f"\n  {line}" for line in set(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
