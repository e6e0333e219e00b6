"""Ours against the certification case in one run: speed, overhead, memory, time to accuracy."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import report
from benchmarks.training import data
from benchmarks.training.children import measured
from benchmarks.training.measure import select_best
from benchmarks.training.plot import draw

_BATCH = 1024  # ours chooses; both for one process and for two slots
_EPOCH_IMAGES = 4096  # of ours; one epoch to warm up and three that count
_EPOCHS = 4
_CASE_STEPS = 40
_TARGETS = (0.99, 0.994)
_MAX_CASE = 70  # epochs of 100 steps of 64: longer than the published 50
_MODES = ("single", "local", "distributed", "custom")
_TIMES = (1, 5, 20)
# The same CNN as the case's; ours to choose are batch, rate and schedule.
_SAME_CNN = {
    "global_batch_size": 256,
    "learning_rate": 0.002,
    "schedule": "cosine",
    "epochs": 6,
    "steps_per_epoch": 107,  # half of MNIST's 55,000
    "precision": "auto",
}


def main() -> None:
    """Measure, and write ``results/training.json`` and ``.png``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved runs (3)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as root:
        folders = {times: Path(root) / f"{times}x" for times in _TIMES}
        for times, folder in folders.items():
            data.prepare(folder, times)
        once = str(folders[1])
        speeds = [_round(once) for _ in range(rounds)]
        _say("speed")
        modes = {"distributed": speeds[-1]["two_slots"]["overhead"]}
        modes |= {
            mode: _ours(once, mode, steps=1, epochs=2)["overhead"]
            for mode in _MODES
            if mode != "distributed"
        }
        _say("modes")
        memory = {
            times: max(_ours(str(folder), "distributed", steps=2, read_all=True)["peak_mb"])
            for times, folder in folders.items()
        }
        _say("memory")
        curves = {
            "case": measured("case_curve", folder=once, target=_TARGETS[0], epochs=_MAX_CASE),
            "ours, the case's CNN": _curve(once, {**data.recipe("baseline"), **_SAME_CNN}),
            "ours, recipe compact": _curve(once, data.recipe("compact")),
        }
    figures = _figures(speeds, memory, {name: each["curve"] for name, each in curves.items()})
    details = {
        "batch": _BATCH,
        "rounds": speeds,
        "overhead_seconds": modes,
        "peak_mb_per_worker": {f"{times}x": megabytes for times, megabytes in memory.items()},
        "curves": curves,
    }
    report.write("training", figures, details, draw(figures, details))


def _ours(folder: str, mode: str, **changes: Any) -> dict[str, Any]:
    read_all = bool(changes.pop("read_all", False))
    batch = changes.pop("batch", _BATCH)
    settings = {
        **data.recipe("baseline"),
        "precision": changes.pop("precision", "auto"),
        "global_batch_size": batch,
        "epochs": changes.pop("epochs", _EPOCHS),
        "steps_per_epoch": changes.pop("steps", _EPOCH_IMAGES // batch),
    }
    return measured("ours", folder=folder, mode=mode, settings=settings, read_all=read_all)


def _round(folder: str) -> dict[str, Any]:
    """Take each speed once; what is compared runs next to each other."""
    case = measured("case_speed", folder=folder, steps=_CASE_STEPS, epochs=_EPOCHS)
    single = _ours(folder, "single")
    return {
        "case": case,
        "single": single,
        "peak": measured("peak", precision=single["precision"]),
        "two_slots": _ours(folder, "distributed"),
        "same_dtype_and_batch": _ours(folder, "single", batch=64, precision="float32"),
    }


def _curve(folder: str, settings: dict[str, Any]) -> dict[str, Any]:
    return measured("our_curve", folder=folder, settings=settings)


def _figures(
    speeds: list[dict[str, Any]],
    memory: dict[int, float],
    curves: dict[str, list[dict[str, float]]],
) -> dict[str, float]:
    def middle(of: str, to: str, unit: str = "images_per_second") -> float:
        return median(each[of][unit] / each[to][unit] for each in speeds)

    figures = {
        "single_vs_case": middle("single", "case"),
        "single_vs_case_same_dtype_and_batch": middle("same_dtype_and_batch", "case"),
        "time_to_99_vs_case": _time_to(curves["case"], _TARGETS[0], or_all=True)
        / _time_to(curves["ours, the case's CNN"], _TARGETS[0], or_all=True),
        "of_ceiling": median(
            each["single"]["images_per_second"]
            * each["peak"]["flop_per_image"]
            / each["peak"]["flop_per_second"]
            for each in speeds
        ),
        "convolutions_alone_vs_case": median(
            each["peak"]["convolutions_alone_per_second"] / each["case"]["images_per_second"]
            for each in speeds
        ),
        "two_slots_cpu_efficiency": middle("two_slots", "single", "images_per_cpu_second"),
        "memory_20x_vs_1x": memory[20] / memory[1],
        "memory_5x_vs_1x": memory[5] / memory[1],
        "single_vs_case_per_cpu_second": middle("single", "case", "images_per_cpu_second"),
        "compact_test_accuracy": select_best(curves["ours, recipe compact"])["test"],
        "compact_seconds": curves["ours, recipe compact"][-1]["seconds"],
    }
    for target in _TARGETS:
        for name, curve in curves.items():
            seconds = _time_to(curve, target)
            if seconds:
                label = name.replace("ours, ", "").replace("'s CNN", "_cnn").replace(" ", "_")
                figures[f"seconds_to_{target * 100:g}_{label}"] = seconds
    return figures


def _time_to(curve: list[dict[str, float]], target: float, *, or_all: bool = False) -> float:
    """Return the seconds of training until the epoch that is best on validation passes on test.

    Where none does: 0, or with ``or_all`` all the seconds, which the true time is longer than.
    """
    for count, epoch in enumerate(curve, 1):
        if select_best(curve[:count])["test"] >= target:
            return epoch["seconds"]
    return curve[-1]["seconds"] if or_all else 0.0


def _say(done: str) -> None:
    print(f"training: {done} measured", flush=True)


if __name__ == "__main__":
    main()
