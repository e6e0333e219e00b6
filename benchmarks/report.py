"""Where a benchmark's figures go: ``results/<name>.json`` and ``results/<name>.png``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"


def write(
    name: str, figures: Mapping[str, float], details: Mapping[str, Any], plot: Figure
) -> None:
    """Write the result and print its figures.

    Args:
        name: Of the benchmark.
        figures: Flat: what is claimed, mostly ratios of two things measured in this very run.
        details: All that they were computed from (samples, settings, units).
        plot: The same to look at.
    """
    RESULTS.mkdir(exist_ok=True)
    machine = {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
    }
    content = {"figures": dict(figures), "details": dict(details), "machine": machine}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    plot.savefig(RESULTS / f"{name}.png", dpi=120)
    for figure, value in figures.items():
        print(f"{name} {figure}: {value:.4g}")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
