"""Preprocessing: images per CPU-second against commit 6c52a40, and what a model makes of both.

That commit's code is taken out of git into a temporary folder, as a package of another name, and
runs in turns with today's in one process, on the same images.
"""

from __future__ import annotations

import importlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from benchmarks import report
from benchmarks.before import COMMIT, extract
from benchmarks.training import data
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from rehearsal.mnist_contract import mnist_contract
from rehearsal.other_image_kinds import OTHER_KINDS

_SIDES = (28, 60, 200, 420, 1000)
_KINDS = ("pixels", "png", "jpeg")  # decoded images; and files, whose decoding counts
_ROUNDS, _IMAGES_PER_ROUND = 9, 12
_VARIANT_IMAGES, _OTHERS_OF_A_KIND = 2_000, 250
_RECIPE = "best"  # of the model that compares what both read: azure's
_PAPER, _PEN = 238, 35  # gray values
# Positions in the test set whose label fewer than three of five people saw in the image: its 15
# label errors in C. Northcutt, A. Athalye, J. Mueller, Pervasive Label Errors in Test Sets, NeurIPS
# 2021; mturk/mnist_mturk.json of https://github.com/cleanlab/label-errors.
_LABEL_ERRORS = (
    *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729),
)

Pixels = NDArray[np.uint8]
Preprocess = Callable[[Image.Image], Pixels]
Predict = Callable[[Pixels], NDArray[np.float32]]
Samples = dict[tuple[str, int], tuple[list[float], list[float]]]


def main() -> None:
    """Measure and write ``results/preprocessing.json``."""
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        before = _import_before(Path(folder))
        data.prepare(Path(folder))
        digits, labels = data.load(Path(folder), "test")
        predict = _train(Path(folder))
        seconds = _measure(before, digits)
        chosen = np.arange(0, len(digits), max(1, len(digits) // _VARIANT_IMAGES))
        compared = _compare(before, digits, labels.astype(int), chosen, predict)
        others = _reject_others(predict)
    speedup = {
        key: statistics.median(
            old / new for old, new in zip(before_seconds, after_seconds, strict=True)
        )
        for key, (before_seconds, after_seconds) in seconds.items()
    }
    figures = {f"speedup_{side}": speedup["pixels", side] for side in _SIDES}
    figures |= {
        f"speedup_{side}_{kind}": speedup[kind, side] for kind in _KINDS[1:] for side in _SIDES
    }
    rates = {
        f"{name}_images_per_cpu_second": {
            f"{kind} {side}": 1 / statistics.median(samples[index])
            for (kind, side), samples in seconds.items()
        }
        for index, name in enumerate(("before", "after"))
    }
    others_figure = {"others_rejected_or_unsure": statistics.mean(others.values())}
    details = {
        "commit": COMMIT,
        "recipe": _RECIPE,
        "others_rejected_or_unsure": others,
        **rates,
        "rounds": _ROUNDS,
        "images_per_round": _IMAGES_PER_ROUND,
        "variant_images": min(_VARIANT_IMAGES, len(digits)) * len(VARIANTS),
        "units": "speedup_N: gray images of N x N pixels, decoded; _png and _jpeg: with decoding",
    }
    report.write("preprocessing", figures | compared | others_figure, details, _plot(rates))


def _import_before(folder: Path) -> Preprocess:
    """Return ``to_model_input`` as of the commit."""
    name, sources = "crosscloud_mnist_before", extract(folder)
    package = (sources / "crosscloud_mnist").rename(sources / name)
    for path in package.rglob("*.py"):
        path.write_text(path.read_text().replace("crosscloud_mnist", name))
    sys.path.append(str(sources))
    module = importlib.import_module(f"{name}.preprocessing")
    preprocess: Preprocess = module.to_model_input
    return preprocess


def _measure(before: Preprocess, digits: Pixels) -> Samples:
    """Return CPU-seconds an image of each round, before and after, by kind and side."""
    seconds: Samples = {(kind, side): ([], []) for kind in _KINDS for side in _SIDES}
    for number in range(_ROUNDS):
        chosen = digits[number * _IMAGES_PER_ROUND :][:_IMAGES_PER_ROUND]
        for (kind, side), samples in seconds.items():
            images = [_render(digit, side) for digit in chosen]
            for preprocess, values in zip((before, to_model_input), samples, strict=True):
                opened = images if kind == "pixels" else [_encode(image, kind) for image in images]
                preprocess(images[0])
                start = time.process_time()
                for image in opened:
                    preprocess(image)
                values.append((time.process_time() - start) / len(opened))
    return seconds


def _render(digit: Pixels, side: int) -> Image.Image:
    """Return the digit as dark ink on light paper."""
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    gray = _PAPER - np.asarray(large, np.float32) * ((_PAPER - _PEN) / 255)
    return Image.fromarray(gray.astype(np.uint8))


def _encode(image: Image.Image, file_format: str) -> Image.Image:
    """Return the image as a file that is opened and not yet decoded."""
    stream = io.BytesIO()
    image.save(stream, file_format)
    return Image.open(stream)


def _compare(
    before: Preprocess,
    digits: Pixels,
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
    predict: Predict,
) -> Mapping[str, float]:
    """Return how a model reads the variants: equally after both, rightly, surely."""
    variants = [render_variant(digit, kind) for digit in digits[chosen] for kind in VARIANTS]
    old, new = (
        np.stack([_preprocess_or_none(preprocess, image) for image in variants])
        for preprocess in (before, to_model_input)
    )
    is_named = new.any(axis=(1, 2))
    probabilities = predict(new)
    predicted, probability = probabilities.argmax(axis=1), probabilities.max(axis=1)
    is_right = is_named & (predicted == labels[chosen].repeat(len(VARIANTS)))
    is_sure = probability >= mnist_contract().min_probability
    is_wrong_and_sure = (is_named & ~is_right & is_sure).reshape(-1, len(VARIANTS)).any(axis=1)
    is_label_error = np.isin(chosen, _LABEL_ERRORS)
    return {
        "agreement": float((is_named & (predicted == predict(old).argmax(axis=1))).mean()),
        "named_rightly": float(is_right.mean()),
        "wrong_and_sure_digits": float((is_wrong_and_sure & ~is_label_error).sum()),
        "wrong_and_sure_label_errors": float((is_wrong_and_sure & is_label_error).sum()),
        "right_and_unsure": float((is_right & ~is_sure).mean()),
    }


def _reject_others(predict: Predict) -> Mapping[str, float]:
    """Return what share of drawings of other things is rejected or unsure, by kind."""
    random, shares = np.random.default_rng(0), {}
    for kind, draw in OTHER_KINDS.items():
        images = [draw(random) for _ in range(_OTHERS_OF_A_KIND)]
        inputs = np.stack([_preprocess_or_none(to_model_input, image) for image in images])
        is_sure = predict(inputs).max(axis=1) >= mnist_contract().min_probability
        shares[kind] = 1 - float((inputs.any(axis=(1, 2)) & is_sure).mean())
    return shares


def _preprocess_or_none(preprocess: Preprocess, image: Image.Image) -> Pixels:
    """Return the model's input; of a rejected image, one that is all background."""
    try:
        return preprocess(image)
    except Exception:  # noqa: BLE001  the ImageError of one of two packages
        return np.zeros((28, 28), np.uint8)


def _train(folder: Path) -> Predict:
    """Return a model of the recipe, trained as the pipeline does, as a function."""
    from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
    from crosscloud_mnist.training import export
    from crosscloud_mnist.training.train import train

    with tempfile.TemporaryDirectory() as checkpoints:
        job = data.job(folder, Path(checkpoints), data.recipe(_RECIPE))
        launcher = SparkLauncher(master=None, slots=1)
        result = launcher.launch(train, job, "single", lambda _: None)
    model = export.rebuild(job.config.model, job.contract, result.weights)
    return partial(export.predict, model)


def _plot(rates: Mapping[str, Mapping[str, float]]) -> Figure:
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(_KINDS), sharey=True), _KINDS, strict=True):
        for label, style in (("before", "o--"), ("after", "o-")):
            values = rates[f"{label}_images_per_cpu_second"]
            axes.plot(_SIDES, [values[f"{kind} {side}"] for side in _SIDES], style, label=label)
        axes.set(
            xscale="log", yscale="log", xlabel="pixels a side", title=f"to_model_input, {kind}"
        )
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].set_ylabel("images per CPU-second")
    figure.axes[0].legend(frameon=False)
    return figure


if __name__ == "__main__":
    main()
