"""Figures of ``monitor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.drawing import Figure, create_figure
from crosscloud_mnist.monitoring import Drift
from crosscloud_mnist.pipelines.monitor.report import MonitorReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 4


def draw_drift(report: MonitorReport, contract: Contract) -> tuple[Figure, MonitorReport]:
    """Draw every statistic's distribution at training and in the log, the largest drift first.

    Returns:
        The figure; and the report, unchanged, for the node that runs after the figure is saved.
    """
    rows = [
        *(("inputs", drift) for drift in report["inputs"]),
        *(("predictions", drift) for drift in report["predictions"]),
    ]
    height = max(1, -(-len(rows) // _COLUMNS))
    figure = create_figure(width=3.2 * _COLUMNS, height=2.5 * height)
    verdict = "no drift" if report["passed"] else "DRIFT"
    if not report["conclusive"]:
        verdict = "too few for a verdict"
    figure.suptitle(
        f"{report['model_name']} {report['model_version']}, {report['log']['images']:,} images:"
        f" {verdict}"
    )
    panels = figure.subplots(height, _COLUMNS, squeeze=False).ravel()
    for axes, (kind, drift) in zip(panels, rows, strict=False):
        _draw(axes, kind, drift)
        if drift["statistic"] == "classes":
            axes.set_xticks(range(contract.class_count), contract.classes, rotation=45)
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    if rows:
        panels[0].legend(fontsize=8)
    return figure, report


def _draw(axes: Axes, kind: str, drift: Drift) -> None:
    bins = np.arange(len(drift["expected"]))
    color = "tab:red" if drift["drifted"] else "tab:blue"
    axes.bar(bins, drift["found"], width=0.9, color=color, alpha=0.6, label="log")
    axes.step(bins, drift["expected"], where="mid", color="black", label="training")
    axes.set_title(f"{drift['statistic']} ({kind}): PSI {drift['psi']:.3f}", fontsize=9)
    axes.set_ylabel("share", fontsize=8)
    if drift["edges"]:
        axes.set_xticks(bins[:-1] + 0.5, [f"{edge:.3g}" for edge in drift["edges"]], rotation=45)
    axes.tick_params(labelsize=7)
