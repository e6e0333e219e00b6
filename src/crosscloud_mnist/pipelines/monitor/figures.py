"""Figures of ``monitor``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_COLUMNS = 4


def draw_drift(report: Mapping[str, Any]) -> tuple[Figure, Mapping[str, Any]]:
    """Draw every statistic's distribution at training and in the log, the worst first.

    Returns:
        The figure; and the report as it is, for a verdict that comes after the figure.
    """
    rows = [(kind, row) for kind in ("inputs", "predictions") for row in report[kind]]
    height = -(-len(rows) // _COLUMNS)
    figure = Figure(figsize=(3.2 * _COLUMNS, 2.5 * height), layout="constrained")
    verdict = "no drift" if report["passed"] else "DRIFT"
    figure.suptitle(
        f"{report['model_name']} {report['model_version']}, {report['log']['images']:,} images:"
        f" {verdict}"
    )
    panels = figure.subplots(height, _COLUMNS, squeeze=False).ravel()
    for axes, (kind, row) in zip(panels, rows, strict=False):
        _draw(axes, kind, row)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=8)
    return figure, report


def _draw(axes: Axes, kind: str, row: Mapping[str, Any]) -> None:
    bins = np.arange(len(row["expected"]))
    axes.bar(
        bins,
        row["found"],
        width=0.9,
        color="tab:red" if row["drifted"] else "tab:blue",
        alpha=0.6,
        label="log",
    )
    axes.step(bins, row["expected"], where="mid", color="black", label="training")
    axes.set_title(f"{row['statistic']} ({kind}): PSI {row['psi']:.3f}", fontsize=9)
    axes.set_ylabel("share", fontsize=8)
    if row["edges"]:
        axes.set_xticks(bins[:-1] + 0.5, [f"{edge:.3g}" for edge in row["edges"]], rotation=45)
    axes.tick_params(labelsize=7)
