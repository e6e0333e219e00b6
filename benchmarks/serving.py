"""The local endpoint compared with MLflow, MLServer and an echo server, on one model, in one run.

The local endpoint runs with its token, checks, request log and metrics on. The model is
``compact``, which the demo trains and serves, untrained: that costs the same (its biases are random
as well, because ONNX Runtime removes biases of zero). All servers run at the same time and are
loaded in turn, round after round; a figure is the ratio of two medians over the rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import product
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks import report
from benchmarks.load import load
from benchmarks.servers import headers, servers

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = 2
STARTS = 3
CLIENTS = (1, 8, 64)
IMAGES = (1, 32)
# One image of one client is what most figures are about, and the case that other work on the
# machine disturbs most: it is measured four times a round.
_CASES = [(1, 1)] * 3 + list(product(IMAGES, CLIENTS))
Case = tuple[str, int, int]  # server, images in a request, clients
Medians = dict[Case, dict[str, float]]
_MODELS = """
import sys
from pathlib import Path
import mlflow, numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from crosscloud_mnist.bundle import TestPredictions, BundleContents, Golden, Signer, write
from crosscloud_mnist.training import export
from crosscloud_mnist.training.models import build
from rehearsal.mnist_contract import mnist_contract

folder = Path(sys.argv[1])
model = export.rebuild("compact", mnist_contract(),
                       build("compact", mnist_contract(), 0).get_weights())
rng = np.random.default_rng(0)
model.set_weights([w if w.ndim > 1 else rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
images = rng.integers(0, 256, (20, 28, 28)).astype(np.uint8)
expected = export.predict(model, images)
golden = Golden(images, expected.argmax(axis=1).astype(np.uint8), expected)
tested = TestPredictions("0" * 64, golden.labels, golden.labels)
contents = BundleContents(export.onnx_bytes(model), export.keras_bytes(model), golden, tested,
                          mnist_contract(), {"metrics": {"test_accuracy": 0.1}})
signer = Signer(str(folder / "key.pem"), str(folder / "key.pub"), generate=True)
write(contents, folder / "bundle", signer)
kinds = (TensorSpec(np.dtype(np.float32), (-1, 28, 28)), TensorSpec(np.dtype(np.float32), (-1, 10)))
mlflow.tensorflow.save_model(model, folder / "keras", pip_requirements=[],
    signature=ModelSignature(Schema([kinds[0]]), Schema([kinds[1]])))
"""


def main() -> None:
    """Measure, and write the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run(
            [sys.executable, "-c", _MODELS, name], check=True, env=environment, capture_output=True
        )
        samples, starts, memory = _measure(folder)
    medians = {
        case: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for case, runs in samples.items()
    }
    start_seconds = {name: statistics.median(seconds) for name, seconds in starts.items()}
    details = {
        "rounds": ROUNDS,
        "seconds_each": SECONDS,
        "load": {" ".join(map(str, case)): values for case, values in medians.items()},
        "columns": "server, images, clients: requests/s, milliseconds",
        "start_seconds": start_seconds,
        "megabytes": memory,
    }
    report.write("serving", _figures(medians, start_seconds, memory), details, _plot(medians))


def _measure(
    folder: Path,
) -> tuple[dict[Case, list[dict[str, float]]], dict[str, list[float]], dict[str, float]]:
    bodies = _bodies(folder)
    compared = servers(folder / "bundle", folder / "keras")
    starts: dict[str, list[float]] = defaultdict(list)
    samples: dict[Case, list[dict[str, float]]] = defaultdict(list)
    try:
        for server in compared * STARTS:
            if server.name != "mlflow_keras" or not starts[server.name]:  # once: no figure uses it
                server.stop()
                log = folder / f"{server.name}.log"
                starts[server.name].append(server.start(bodies[1].read_bytes(), log))
        for turn, (count, clients), server in product(range(ROUNDS), _CASES, compared):
            slow = server.name == "mlflow_keras"  # a few requests a second: one round is enough
            if not slow or (
                turn == 0 and clients < 64 and (server.name, count, clients) not in samples
            ):
                seconds = SECONDS * (3 if slow else 1)
                run = load(server.url, bodies[count], headers(), clients=clients, seconds=seconds)
                server.settle()
                samples[server.name, count, clients].append(run)
                print(f"{server.name} {count} x{clients}: {run['per_second']:.1f}/s", flush=True)
        memory = {server.name: server.megabytes() for server in compared}
    finally:
        for server in compared:
            server.stop()
    return samples, starts, memory


def _bodies(folder: Path) -> dict[int, Path]:
    """Write requests with as many foreground pixels as digits have."""
    rng, bodies = np.random.default_rng(1), {}
    for count in IMAGES:
        foreground = rng.random((count, 28, 28)) < 0.2
        images = np.where(foreground, rng.integers(1, 256, foreground.shape), 0)
        bodies[count] = folder / f"{count}.json"
        bodies[count].write_text(json.dumps({"instances": images.tolist()}))
    return bodies


def _figures(
    medians: Medians, start_seconds: dict[str, float], memory: dict[str, float]
) -> dict[str, float]:
    def per_second(name: str, count: int, clients: int = 1) -> float:
        return float(medians[name, count, clients]["per_second"])

    figures = {
        "vs_mlflow_onnx_1": per_second("endpoint", 1) / per_second("mlflow_onnx", 1),
        "vs_mlflow_keras_1": per_second("endpoint", 1) / per_second("mlflow_keras", 1),
        "of_echo_1": per_second("endpoint", 1) / per_second("echo", 1),
        "vs_mlflow_onnx_32": per_second("endpoint", 32) / per_second("mlflow_onnx", 32),
        "p99_vs_echo_c8": medians["endpoint", 1, 8]["p99"] / medians["echo", 1, 8]["p99"],
        "startup_vs_mlflow_onnx": start_seconds["endpoint"] / start_seconds["mlflow_onnx"],
        "memory_mb": memory["endpoint"],
        "of_echo_1_c8": per_second("endpoint", 1, 8) / per_second("echo", 1, 8),
        "failed": sum(run["failed"] for case, run in medians.items() if case[0] == "endpoint"),
    }
    if "mlserver" in start_seconds:
        for count in IMAGES:
            ratio = per_second("endpoint", count) / per_second("mlserver", count)
            figures[f"vs_mlserver_{count}"] = ratio
    return figures


def _plot(medians: Medians) -> Figure:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    sides = figure.subplots(1, 2)
    for axes, count in zip(sides, IMAGES, strict=True):
        names = sorted({name for name, images, _ in medians if images == count})
        for name in names:
            points = [
                (clients, medians[name, count, clients]["per_second"])
                for clients in CLIENTS
                if (name, count, clients) in medians
            ]
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
        axes.set(xscale="log", yscale="log", xlabel="clients", ylabel="requests a second")
        axes.set_title(f"{count} image{'s' * (count > 1)} a request")
        axes.set_xticks(CLIENTS, [str(clients) for clients in CLIENTS])
    figure.legend(*sides[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


if __name__ == "__main__":
    main()
