"""What the recipes reach: three seeds of each, the epoch selected on validation.

``make bench ONLY=recipes``; one of them with ``python -m benchmarks.recipes compact``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from benchmarks import report
from benchmarks.training import data
from benchmarks.training.children import measured

_SEEDS = (0, 1, 2)


def main() -> None:
    """Train, and write ``results/recipes.json`` and ``.png``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("recipes", nargs="*", default=["compact", "best"], help="compact, best")
    recipes = parser.parse_args().recipes
    runs: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as root:
        data.prepare(Path(root))
        for name in recipes:
            runs[name] = [
                measured("our_curve", folder=root, settings={**data.recipe(name), "seed": seed})
                for seed in _SEEDS
            ]
    figures: dict[str, float] = {}
    for name, seeds in runs.items():
        reached = [run["selected"]["test"] for run in seeds]
        for label, of in (("min", min), ("median", median), ("max", max)):
            figures[f"{name}_test_accuracy_{label}"] = of(reached)
        figures[f"{name}_seconds_max"] = max(run["curve"][-1]["seconds"] for run in seeds)
    report.write("recipes", figures, {"seeds": _SEEDS, "runs": runs}, _draw(runs))


def _draw(runs: dict[str, list[dict[str, Any]]]) -> Figure:
    figure = Figure(figsize=(5.5 * len(runs), 4.2), layout="constrained")
    for axes, (name, seeds) in zip(
        figure.subplots(1, len(runs), squeeze=False).flat, runs.items(), strict=True
    ):
        for seed, run in zip(_SEEDS, seeds, strict=True):
            times = [epoch["seconds"] for epoch in run["curve"]]
            axes.plot(times, [epoch["test"] for epoch in run["curve"]], label=f"seed {seed}")
            axes.plot(run["selected"]["seconds"], run["selected"]["test"], "o", color="black")
        middle = median(run["selected"]["test"] for run in seeds)
        axes.set(
            xlabel="seconds of training",
            ylabel="test accuracy",
            title=f"Recipe {name}: median {middle:.2%}\n(dots: selected on validation)",
            ylim=(0.98, 0.998),
        )
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, loc="lower right")
    return figure


if __name__ == "__main__":
    main()
