"""What a model of the recipe compact predicts of image files: variants of digits, other things.

``python -m benchmarks.image_predictions`` prints the figures; ``benchmarks.preprocessing`` has them
among its own. The contract's ``min_probability`` comes from here: it is chosen on the variants of
the validation images, and the test images only say what it leads to.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.training import data
from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing import to_model_input
from crosscloud_mnist.preprocessing.variants import VARIANTS, render_variant
from rehearsal.mnist_contract import mnist_contract
from rehearsal.other_image_kinds import OTHER_KINDS

RECIPE = "compact"
IMAGES = 2_000  # of the test set's first
_CERTAIN = 0.9  # a wrong prediction should have a lower probability
_MAX_WRONG = 1e-3  # of all predictions: those that are wrong, and not unsure
_FLOORS = np.arange(10, 20) / 20  # from which min_probability is chosen
_OTHERS, _SEED = 250, 19  # images of each kind
_IMAGES_PER_TASK = 50

Pixels = NDArray[np.uint8]
Predict = Callable[[Pixels], NDArray[np.float32]]


@dataclass(frozen=True)
class ImagePredictions:
    """The predictions of some images.

    Attributes:
        inputs: [n, 28, 28], uint8: what the model was given; all 0 where the image was rejected.
        predicted: [n], int64.
        probability: [n], float32: of the predicted class; 0 where the image was rejected.
    """

    inputs: Pixels
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]

    @property
    def is_named(self) -> NDArray[np.bool_]:
        """[n], bool: the image was not rejected."""
        return np.asarray(self.inputs.any(axis=(1, 2)))

    def is_wrong(self, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return [n], bool: not rejected, and another class than the label of the digit.

        Args:
            labels: Of the digits; each has ``len(VARIANTS)`` images.
        """
        return self.is_named & (self.predicted != labels.repeat(len(VARIANTS)))


def train(folder: Path) -> Predict:
    """Return the trained model as a function; ``folder`` holds the shards of ``data.prepare``."""
    from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
    from crosscloud_mnist.training import export
    from crosscloud_mnist.training.train import train as train_on_slot

    with tempfile.TemporaryDirectory() as records:
        job = data.job(folder, Path(records), data.recipe(RECIPE))
        launcher = SparkLauncher(master=None, slots=1)
        result = launcher.launch(train_on_slot, job, "single", lambda _: None)
    model = export.rebuild(job.config.model, job.contract, result.weights)
    return lambda images: export.predict(model, images)


def predict_variants(predict: Predict, digits: Pixels) -> ImagePredictions:
    """Return the predictions of all variants of each digit, one digit after the other."""
    tasks = [digits[start:][:_IMAGES_PER_TASK] for start in range(0, len(digits), _IMAGES_PER_TASK)]
    return _predict(predict, _preprocess_variants, tasks)


def predict_others(predict: Predict) -> ImagePredictions:
    """Return the predictions of images of no digit, one kind after the other."""
    return _predict(predict, _preprocess_others, tuple(OTHER_KINDS))


def choose_min_probability(predictions: ImagePredictions, labels: NDArray[np.uint8]) -> float:
    """Return the lowest floor above which hardly any prediction is wrong.

    That is: at most one in 1,000 of all images is predicted wrongly with such a probability.

    Args:
        predictions: Of the variants of validation images.
        labels: Of these images.
    """
    wrong = predictions.probability[predictions.is_wrong(labels)]
    allowed = _MAX_WRONG * len(predictions.predicted)
    return float(next((x for x in _FLOORS if (wrong >= x).sum() <= allowed), _FLOORS[-1]))


def measure(folder: Path, predict: Predict) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the figures, and the details that they come from."""
    floor = mnist_contract().min_probability
    validation_images, validation_labels = data.load(folder, "validation")
    chosen = choose_min_probability(predict_variants(predict, validation_images), validation_labels)
    digits, labels = data.load(folder, "test")
    everything = predict_variants(predict, digits)
    count = min(IMAGES, len(digits)) * len(VARIANTS)
    first = ImagePredictions(
        everything.inputs[:count], everything.predicted[:count], everything.probability[:count]
    )
    wrong = first.is_wrong(labels[:IMAGES])
    certainly_wrong = wrong & (first.probability >= _CERTAIN)
    is_right = first.is_named & ~wrong
    all_wrong = everything.is_wrong(labels)
    others = predict_others(predict)
    is_unsure = others.probability < floor
    figures = {
        "named_rightly": float(is_right.mean()),
        "named_rightly_all_test_images": float((everything.is_named & ~all_wrong).mean()),
        "wrong_at_090": float(certainly_wrong.mean()),
        "wrong_at_090_all_test_images": float(
            (all_wrong & (everything.probability >= _CERTAIN)).mean()
        ),
        "right_at_090": float((is_right & (first.probability >= _CERTAIN)).mean()),
        "right_and_sure": float((is_right & (first.probability >= floor)).mean()),
        "wrong_and_sure": float((wrong & (first.probability >= floor)).mean()),
        "other_things_rejected_or_unsure": float(is_unsure.mean()),
        "min_probability_by_validation": chosen,
    }
    details = {
        "recipe": RECIPE,
        "min_probability": floor,
        "test_accuracy": float((predict(digits).argmax(axis=1) == labels).mean()),
        "test_accuracy_first_images": float(
            (predict(digits[:IMAGES]).argmax(axis=1) == labels[:IMAGES]).mean()
        ),
        "named_rightly_by_variant": dict(
            zip(VARIANTS, is_right.reshape(-1, len(VARIANTS)).mean(axis=0).tolist(), strict=True)
        ),
        "images_wrong_at_090": sorted(
            set((np.flatnonzero(certainly_wrong) // len(VARIANTS)).tolist())
        ),
        "others_rejected": _by_kind(~others.is_named),
        "others_rejected_or_unsure": _by_kind(is_unsure),
    }
    return figures, details


def _by_kind(values: NDArray[np.bool_]) -> dict[str, float]:
    return dict(zip(OTHER_KINDS, values.reshape(-1, _OTHERS).mean(axis=1).tolist(), strict=True))


def _predict(
    predict: Predict, preprocess: Callable[[Any], Pixels], tasks: Sequence[Any]
) -> ImagePredictions:
    # A process that has loaded TensorFlow cannot be forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        inputs = np.concatenate(list(pool.map(preprocess, tasks)))
    probabilities = predict(inputs)
    is_named = inputs.any(axis=(1, 2))
    return ImagePredictions(
        inputs, probabilities.argmax(axis=1), np.where(is_named, probabilities.max(axis=1), 0)
    )


def _preprocess_variants(digits: Pixels) -> Pixels:
    return _preprocess([render_variant(digit, kind) for digit in digits for kind in VARIANTS])


def _preprocess_others(kind: str) -> Pixels:
    random = np.random.default_rng(_SEED)
    return _preprocess([OTHER_KINDS[kind](random) for _ in range(_OTHERS)])


def _preprocess(images: Sequence[Image.Image]) -> Pixels:
    """Return the model's inputs; of rejected images, such that are all background."""
    inputs = np.zeros((len(images), *mnist_contract().image_shape), np.uint8)
    for index, image in enumerate(images):
        try:
            inputs[index] = to_model_input(image)
        except ImageError:
            continue
    return inputs


def main() -> None:
    """Train, and print the figures and their details."""
    with tempfile.TemporaryDirectory() as folder:
        data.prepare(Path(folder))
        figures, details = measure(Path(folder), train(Path(folder)))
    for name, value in (figures | details).items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")


if __name__ == "__main__":
    main()
