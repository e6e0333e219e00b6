"""The benchmark to look at."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_CASE, _OURS, _TWO, _LIGHT = "#9aa5b1", "#0b6e99", "#2f9e77", "#d7dee5"
_PARTS = ("#0b6e99", "#4fa3c7", "#2f9e77", "#e0a458", "#9aa5b1")


def draw(figures: Mapping[str, float], details: Mapping[str, Any]) -> Figure:
    """Draw speed, accuracy over time, memory and overhead."""
    figure = Figure(figsize=(13, 8), layout="constrained")
    precision = details["rounds"][0]["single"]["precision"].replace("mixed_", "")
    figure.suptitle(
        f"Training the case's CNN: {figures['single_vs_case']:.2f} times the images a second, "
        f"{figures['of_ceiling']:.0%} of the processor's {precision} matmul peak",
        fontsize=14,
        fontweight="bold",
    )
    speed, accuracy, memory, overhead = figure.subplots(2, 2).flat
    _speed(speed, details["rounds"], details["batch"], precision)
    _accuracy(accuracy, details["curves"])
    _memory(memory, details["peak_mb_per_worker"])
    _overhead(overhead, details["overhead_seconds"])
    for axes in (speed, accuracy, memory, overhead):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _speed(axes: Axes, rounds: list[dict[str, Any]], batch: int, precision: str) -> None:
    rows = {
        "case, fit\nbatch 64, float32": ("case", _CASE),
        "ours, single\nbatch 64, float32": ("same_dtype_and_batch", _OURS),
        f"ours, single\nbatch {batch}, {precision}": ("single", _OURS),
        f"ours, two slots\nbatch {batch}, {precision}": ("two_slots", _TWO),
    }
    speeds = [median(each[key]["images_per_second"] for each in rounds) for key, _ in rows.values()]
    ceiling = median(r["peak"]["flop_per_second"] / r["peak"]["flop_per_image"] for r in rounds)
    bars = axes.barh(list(rows), speeds, color=[color for _, color in rows.values()])
    axes.bar_label(bars, [f" {speed:,.0f}" for speed in speeds])
    for row, (key, _) in enumerate(rows.values()):
        each = [one[key]["images_per_second"] for one in rounds]
        axes.plot(each, [row] * len(each), "|", color="black", markersize=9)
    axes.axvline(ceiling, color="black", linestyle="--", linewidth=1)
    axes.text(ceiling, -0.62, f"matmul peak {ceiling:,.0f} ", ha="right", va="center", fontsize=9)
    alone = median(each["peak"]["convolutions_alone_per_second"] for each in rounds)
    axes.axvline(alone, color="black", linestyle=":", linewidth=1)
    axes.text(alone, 0.5, f" convolutions\n alone {alone:,.0f}", va="center", fontsize=9)
    axes.set(xlabel="images a second (marks: each run)", title="Speed", xlim=(0, ceiling * 1.08))
    axes.invert_yaxis()


def _accuracy(axes: Axes, curves: Mapping[str, Any]) -> None:
    for (name, each), color in zip(curves.items(), (_CASE, _OURS, _TWO), strict=True):
        curve = each["curve"]
        seconds = [epoch["seconds"] for epoch in curve]
        axes.plot(seconds, [e["test"] for e in curve], color=color, label=f"{name}: test")
        axes.plot(seconds, [e["validation"] for e in curve], color=color, linestyle=":")
    for target in (0.99, 0.994):
        axes.axhline(target, color=_LIGHT, zorder=0)
        axes.annotate(
            f"{target:.1%}",
            (1, target),
            (3, 0),
            ("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.plot([], [], color="black", linestyle=":", label="validation")
    axes.set(xlabel="seconds of training", title="Accuracy over time", ylim=(0.96, 0.998))
    axes.legend(loc="lower right", frameon=False, fontsize=9)


def _memory(axes: Axes, memory: Mapping[str, float]) -> None:
    bars = axes.bar(list(memory), list(memory.values()), color=_OURS, width=0.5)
    axes.bar_label(bars, [f"{megabytes:,.0f} MB" for megabytes in memory.values()])
    axes.set(
        xlabel="size of the training set",
        ylabel="peak memory of a worker, MB",
        title="Memory does not grow with the data",
    )


def _overhead(axes: Axes, modes: Mapping[str, Mapping[str, float]]) -> None:
    left = dict.fromkeys(modes, 0.0)
    for part, color in zip(next(iter(modes.values())), _PARTS, strict=True):
        seconds = [max(0.0, modes[mode][part]) for mode in modes]
        axes.barh(list(modes), seconds, left=list(left.values()), color=color, label=part)
        left = {mode: left[mode] + more for mode, more in zip(modes, seconds, strict=True)}
    for row, total in enumerate(left.values()):
        axes.text(total, row, f" {total:.0f} s", va="center")
    axes.set(
        xlabel="seconds that no image is trained in",
        title="Fixed overhead of each mode",
        xlim=(0, max(left.values()) * 1.12),
    )
    axes.invert_yaxis()
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
