"""Time, bytes and memory of a promotion against the plain copy of the same files.

Both copy between the same two MLflow servers with passwords, in turns, from warm processes. The
plain copy is MLflow's own download and upload. A promotion verifies the signature three times,
compares with the champion, downloads the copy again, and writes the lineage and the ledger. The
plain copy that is also read back from the target with MLflow is measured beside it: no promotion
that verifies the copy can be faster. Large bundles have a large Keras file, not a large graph: the
graph is loaded for the golden set, so its size needs memory in any case.

``register_remote`` as a whole command is compared with the commands of mlflow-export-import and of
databricks-mlflow-export-import, which export and import the same version (``export_import.py``).
"""

from __future__ import annotations

import os
import secrets
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from benchmarks import export_import, report
from crosscloud_mnist.bundle import Bundle, BundleContents, Signer, TestPredictions, Verifier, write
from crosscloud_mnist.isolation.isolated_process import IsolatedAdapter
from crosscloud_mnist.pipelines.register_remote import create_pipeline
from crosscloud_mnist.pipelines.register_remote.parameters import RegisterRemoteParameters
from crosscloud_mnist.promotion import ProductionModel
from rehearsal.dense_bundle import dense_contents
from rehearsal.mlflow_servers import Server, two_servers
from rehearsal.mnist_contract import mnist_contract
from rehearsal.process_memory import sample_memory

_COMMAND_MEGABYTES = 30.0
SIZES = {"0.3mb": 0.3, "30mb": 30.0, "300mb": 300.0}
_ROUNDS = int(os.environ.get("ROUNDS", "3"))
_MEGABYTE = 1_000_000
_SAMPLE_SECONDS = 0.02
Sample = dict[str, float]


def main() -> None:
    """Measure every size in its own process, and write the result."""
    samples: dict[str, list[Sample]] = {}
    export_import.find_tools()  # what is missing is named before the first minute
    with tempfile.TemporaryDirectory() as folder, two_servers(Path(folder) / "servers") as servers:
        for name, megabytes in SIZES.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                work = Path(folder) / name
                samples[name] = process.submit(_measure, servers, work, megabytes).result()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            work = Path(folder) / "commands"
            commands = process.submit(_measure_commands, servers, work).result()
    ratios, read_back_ratios = (
        {
            name.replace(".", "_"): statistics.median(
                each[f"{kind}_seconds"] / each["copy_seconds"] for each in rounds
            )
            for name, rounds in samples.items()
        }
        for kind in ("promotion", "read_back")
    )
    peak = {
        name: max(each["promotion_peak_mb"] for each in rounds) for name, rounds in samples.items()
    }
    figures = {
        **{f"vs_plain_copy_{name}": ratio for name, ratio in ratios.items()},
        **{f"read_back_vs_plain_copy_{name}": ratio for name, ratio in read_back_ratios.items()},
        "bytes_vs_plain_copy_30mb": samples["30mb"][0]["promotion_bytes"]
        / samples["30mb"][0]["copy_bytes"],
        "memory_300mb_vs_0_3mb": peak["300mb"] / peak["0.3mb"],
        **_compare_commands(commands),
    }
    details = {"samples": samples, "commands_30mb": commands, "rounds": _ROUNDS}
    report.write("promotion", figures, details, _plot(samples))


def _measure_commands(
    servers: tuple[Server, Server], work: Path
) -> list[dict[str, dict[str, Any]]]:
    promotions = Promotions(servers, work, _COMMAND_MEGABYTES)
    return export_import.measure_commands(servers, work, promotions.log, _ROUNDS)


def _compare_commands(commands: list[dict[str, dict[str, Any]]]) -> dict[str, float]:
    """Return the seconds of ``register_remote`` as a part of each tool's two commands."""
    names = {"crosscloud-mnist": "command", "kedro run": "kedro_run"}
    tools = {
        "databricks-mlflow-export-import": "export_import",  # it moves the files
        "mlflow-export-import": "mlflow_export_import",
    }
    return {
        f"{name}_vs_{short}_30mb": statistics.median(
            each[command]["seconds"] / each[tool]["seconds"] for each in commands
        )
        for command, name in names.items()
        for tool, short in tools.items()
        if tool in commands[0]
    }


def _measure(servers: tuple[Server, Server], work: Path, megabytes: float) -> list[Sample]:
    """Promote and copy in turns; bytes are counted in one more round, which is not timed."""
    promotions = Promotions(servers, work, megabytes)
    promotions.promote(promotions.log())  # a champion to compare with, and warm processes
    samples = []
    for _ in range(_ROUNDS):
        uri = promotions.log()
        copy = _timed(promotions.copy, uri)
        samples.append(
            {
                "copy_seconds": copy,
                "read_back_seconds": copy + _timed(promotions.read_back),
                **promotions.measure_promotion(uri),
            }
        )
    with _relays(servers) as (relays, counted):
        counting = Promotions(relays, work / "counted", megabytes)
        for action in ("copy", "promote"):
            uri = counting.log()
            before = sum(counted)
            getattr(counting, action)(uri)
            key = "copy_bytes" if action == "copy" else "promotion_bytes"
            samples[0][key] = sum(counted) - before
    return samples


class Promotions:
    """Bundles of one size, promoted or copied from one server to the other."""

    def __init__(self, servers: tuple[Server, Server], work: Path, megabytes: float) -> None:
        self._servers, self._work, self._megabytes = servers, work, megabytes
        self._signer = Signer(str(work / "key.pem"), str(work / "key.pub"), generate=True)
        self._name = f"mnist_cnn_{secrets.token_hex(4)}"
        self._copied = ""  # artifact location of the last plain copy
        self._registries = [
            IsolatedAdapter(
                "crosscloud_mnist.adapters.mlflow.registry.MlflowRegistry",
                {"uri": server.address, "experiment": "benchmark"},
                server.credentials,
            )
            for server in servers
        ]

    def log(self) -> str:
        """Log a new bundle at the source."""
        # Another process keeps the memory of writing the bundle out of the peak.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as writer:
            bundle = writer.submit(_write, self._work, self._megabytes, self._signer).result()
        client = self._client(0)
        run_id = client.create_run(_experiment(client)).info.run_id
        uri: str = self._registries[0].log_model(
            bundle.folder, run_id=run_id, digest=bundle.digest, tags={}, params={}
        )
        return uri

    def promote(self, uri: str) -> None:
        """Run ``register_remote``."""
        parameters = RegisterRemoteParameters(
            model=None,
            digest=None,
            require_other_workspace=True,
            challenger_alias="challenger",
            minimum_accuracy=0.9,
            significance=0.05,
            require_same_test_set=True,
            approval_tag=None,
            bundle_cache=self._work / "bundle_cache",
            remove_version=None,
            orphan_ttl_seconds=3600,
        )
        inputs = {
            "source_registry": self._registries[0],
            "target_registry": self._registries[1],
            "verifier": Verifier(str(self._work / "key.pub")),
            "model_uri": uri,
            "params:production": ProductionModel(self._name, "champion"),
            "params:contract": mnist_contract(),
            "params:register_remote": parameters,
        }
        memory = {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        SequentialRunner().run(create_pipeline(), DataCatalog(memory))

    def copy(self, uri: str) -> None:
        """Download and upload with MLflow alone."""
        client = self._client(0)
        location = client.get_logged_model(uri.removeprefix("models:/")).artifact_location
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            downloaded = download_artifacts(
                artifact_uri=location, dst_path=folder, tracking_uri=self._servers[0].address
            )
            client = self._client(1)
            model = client.create_logged_model(_experiment(client))
            client.log_model_artifacts(model.model_id, downloaded)
            client.finalize_logged_model(model.model_id, "READY")
        self._copied = model.artifact_location

    def read_back(self) -> None:
        """Download the last copy with MLflow alone; nothing is verified."""
        self._client(1)
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            download_artifacts(
                artifact_uri=self._copied, dst_path=folder, tracking_uri=self._servers[1].address
            )

    def measure_promotion(self, uri: str) -> Sample:
        """Promote; return the seconds, and the peak memory of all promoting processes together."""
        with sample_memory(psutil.Process(), seconds=_SAMPLE_SECONDS) as peak_bytes:
            seconds = _timed(self.promote, uri)
        return {
            "promotion_seconds": seconds,
            "promotion_peak_mb": max(peak_bytes) / _MEGABYTE,
        }

    def _client(self, which: int) -> MlflowClient:
        server = self._servers[which]
        os.environ.update(server.credentials, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
        return MlflowClient(tracking_uri=server.address, registry_uri=server.address)


def _write(work: Path, megabytes: float, signer: Signer) -> Bundle:
    keras = np.random.default_rng().bytes(int(megabytes * _MEGABYTE))
    return write(replace(_contents(), keras=keras), work / "bundle", signer)


def _experiment(client: MlflowClient) -> str:
    found = client.get_experiment_by_name("benchmark")
    return str(found.experiment_id if found else client.create_experiment("benchmark"))


def _timed(action: Callable[..., object], *arguments: str) -> float:
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def _contents() -> BundleContents:
    """Noise as images, and as many test predictions as MNIST's test set has images."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    predicted = random.integers(0, 10, 10_000, dtype=np.uint8)
    card = {
        "dataset": "none",
        "dataset_digest": "0" * 64,
        "git_commit": "0" * 40,
        "lock_digest": "0" * 64,
        "metrics": {"test_accuracy": 1.0, "test_loss": 0.0, "test_images": len(predicted)},
    }
    return dense_contents(images, TestPredictions("0" * 64, predicted, predicted), card)


@contextmanager
def _relays(servers: tuple[Server, Server]) -> Iterator[tuple[tuple[Server, Server], list[int]]]:
    """Start a relay in front of each server that counts the bytes."""
    counts: list[int] = []
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in servers]

    def pump(a: socket.socket, b: socket.socket) -> None:
        while content := a.recv(1 << 16):
            counts.append(len(content))
            b.sendall(content)
        b.shutdown(socket.SHUT_WR)

    def accept(listener: socket.socket, server: Server) -> None:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", server.port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    for listener, server in zip(listeners, servers, strict=True):
        threading.Thread(target=accept, args=(listener, server), daemon=True).start()
    near = [
        replace(server, port=listener.getsockname()[1])
        for listener, server in zip(listeners, servers, strict=True)
    ]
    yield (near[0], near[1]), counts


def _plot(samples: dict[str, list[Sample]]) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(samples))
    kinds = ("copy", "plain copy"), ("read_back", "the same, read back"), ("promotion", "promotion")
    for shift, (kind, label) in enumerate(kinds):
        medians = [
            statistics.median(each[f"{kind}_seconds"] for each in rounds)
            for rounds in samples.values()
        ]
        bars = axes.bar(places + 0.27 * (shift - 1), medians, 0.26, label=label)
        axes.bar_label(bars, fmt="%.2f s", fontsize=8)
    axes.set_xticks(places, [name.replace("mb", " MB") for name in samples])
    axes.set_xlabel("size of the bundle")
    axes.set_ylabel("seconds (median)")
    axes.set_title("A verified promotion against MLflow's own download and upload")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
