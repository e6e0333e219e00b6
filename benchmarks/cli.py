"""The start of commands against a run of an empty Kedro project in the same environment.

The empty project has one node that returns a number, and no settings. kedro-mlflow, which is
installed beside it, gets a SQLite store, which it needs to start at all. ``history`` reads the
ledger of the demo's production workspace; both workspaces exist before the first round.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks import report

ROUNDS = int(os.environ.get("ROUNDS", "7"))
_PROJECT = Path(__file__).parents[1]
_EMPTY = {
    "pyproject.toml": """[tool.kedro]
package_name = "empty"
project_name = "empty"
kedro_init_version = "1.7.0"
source_dir = "src"
""",
    "src/empty/__init__.py": "",
    "src/empty/settings.py": "",
    "src/empty/pipeline_registry.py": """from kedro.pipeline import Node, Pipeline


def return_one():
    return 1


def register_pipelines():
    return {"__default__": Pipeline([Node(return_one, None, "one")])}
""",
    "conf/base/mlflow.yml": "server: {{mlflow_tracking_uri: 'sqlite:///{folder}/mlflow.db'}}\n",
    "conf/base/catalog.yml": "# no entry\n",
    "conf/local/.gitkeep": "",
    ".telemetry": "consent: false\n",
}
# Name in the figures; whose project; the arguments of ``kedro``.
_COMMANDS: dict[str, tuple[str, Sequence[str]]] = {
    "bare_run": ("empty", ["run"]),
    "history": ("own", ["run", "--pipelines", "history"]),
    "bare_help": ("empty", ["--help"]),
    "help": ("own", ["--help"]),
    "catalog": ("own", ["catalog", "describe-datasets"]),
}


def main() -> None:
    """Measure and write ``results/cli.json``."""
    with tempfile.TemporaryDirectory() as folder:
        projects = {"empty": _write_empty(Path(folder)), "own": _copy_own(Path(folder))}
        seconds: dict[str, list[float]] = {name: [] for name in _COMMANDS}
        for name in _COMMANDS:  # the first run makes the stores and the bytecode
            _run(projects, name)
        for _ in range(ROUNDS):
            for name in _COMMANDS:
                seconds[name].append(_run(projects, name))
    medians = {name: statistics.median(samples) for name, samples in seconds.items()}
    report.write(
        "cli",
        {
            "history_vs_bare_kedro": _ratio(seconds["history"], seconds["bare_run"]),
            "help_seconds_vs_kedro_help": _ratio(seconds["help"], seconds["bare_help"]),
            **{f"{name}_seconds": median for name, median in medians.items()},
        },
        {"seconds": seconds, "rounds": ROUNDS, "units": "ratios are medians over the rounds"},
        _plot(seconds),
    )


def _write_empty(folder: Path) -> Path:
    project = folder / "empty"
    for name, text in _EMPTY.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(folder=project) if name.startswith("conf/base") else text)
    return project


def _copy_own(folder: Path) -> Path:
    project = folder / "own"
    (project / "conf" / "local").mkdir(parents=True)
    shutil.copytree(_PROJECT / "conf" / "base", project / "conf" / "base")
    shutil.copy(_PROJECT / "conf" / "logging.yml", project / "conf")
    shutil.copytree(_PROJECT / "src", project / "src")
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(_PROJECT / name, project)
    return project


def _run(projects: dict[str, Path], name: str) -> float:
    project, arguments = _COMMANDS[name]
    start = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=projects[project],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if ended.returncode:
        raise SystemExit(f"kedro {' '.join(arguments)} failed: {ended.stdout}{ended.stderr}")
    return seconds


def _ratio(samples: Sequence[float], reference: Sequence[float]) -> float:
    return statistics.median(own / other for own, other in zip(samples, reference, strict=True))


def _plot(seconds: dict[str, list[float]]) -> Figure:
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    names = [name.replace("_", " ") for name in seconds]
    bars = axes.barh(names, [statistics.median(samples) for samples in seconds.values()])
    axes.bar_label(bars, fmt="%.1f s", padding=3)
    axes.margins(x=0.1)
    axes.set(xlabel="seconds (median)", title="The start of commands")
    axes.invert_yaxis()
    return figure


if __name__ == "__main__":
    main()
