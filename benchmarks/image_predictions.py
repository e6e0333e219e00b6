"""What a model of the recipe compact predicts of image files: variants of digits, other things.

``python -m benchmarks.image_predictions`` prints the figures of three seeds, and the contract's
``min_probability``: it is chosen on the variants of the validation images, and the test images only
say what it leads to. ``benchmarks.preprocessing`` has the figures of the first seed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.image_inputs import OTHERS, ImageInputs, Pixels, preprocess
from benchmarks.training import data
from crosscloud_mnist.preprocessing.variants import VARIANTS
from rehearsal.mnist_contract import mnist_contract
from rehearsal.other_image_kinds import OTHER_KINDS

RECIPE = "compact"
IMAGES = 2_000  # of the test set's first
_CERTAIN = 0.9  # a wrong prediction should have a lower probability
_MAX_WRONG = 1e-3  # of all predictions: those that are wrong, and not unsure
_FLOORS = np.arange(10, 20) / 20  # from which min_probability is chosen
_SEEDS = (0, 1, 2)  # of the training; the highest of their floors is taken

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

    @property
    def is_certain(self) -> NDArray[np.bool_]:
        """[n], bool: not rejected, and with a high probability."""
        return np.asarray(self.probability >= _CERTAIN)

    def first(self, count: int) -> ImagePredictions:
        """Return those of the first images."""
        return ImagePredictions(
            self.inputs[:count], self.predicted[:count], self.probability[:count]
        )

    def is_wrong(self, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return [n], bool: not rejected, and another class than the label of the digit.

        Args:
            labels: Of the digits; each has ``len(VARIANTS)`` images.
        """
        return self.is_named & (self.predicted != labels.repeat(len(VARIANTS)))


def train(folder: Path, seed: int = _SEEDS[0]) -> Predict:
    """Return the trained model as a function; ``folder`` holds the shards of ``data.prepare``."""
    from crosscloud_mnist.adapters.spark.launcher import SparkLauncher
    from crosscloud_mnist.training import export
    from crosscloud_mnist.training.train import train as train_on_slot

    with tempfile.TemporaryDirectory() as records:
        job = data.job(folder, Path(records), {**data.recipe(RECIPE), "seed": seed})
        launcher = SparkLauncher(master=None, slots=1)
        result = launcher.launch(train_on_slot, job, "single", lambda _: None)
    model = export.rebuild(job.config.model, job.contract, result.weights)
    return lambda images: export.predict(model, images)


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


def measure(inputs: ImageInputs, predict: Predict) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the figures, and the details that they come from."""
    floor, labels = mnist_contract().min_probability, inputs.test_labels
    validation, everything, others = (
        _predict(predict, images) for images in (inputs.validation, inputs.test, inputs.others)
    )
    first = everything.first(IMAGES * len(VARIANTS))
    wrong, all_wrong = first.is_wrong(labels[:IMAGES]), everything.is_wrong(labels)
    is_right = first.is_named & ~wrong
    is_sure, is_unsure = first.probability >= floor, others.probability < floor
    figures = {
        "named_rightly": is_right.mean(),
        "named_rightly_all_test_images": (everything.is_named & ~all_wrong).mean(),
        "wrong_at_090": (wrong & first.is_certain).mean(),
        "wrong_at_090_all_test_images": (all_wrong & everything.is_certain).mean(),
        "right_at_090": (is_right & first.is_certain).mean(),
        "right_and_sure": (is_right & is_sure).mean(),
        "wrong_and_sure": (wrong & is_sure).mean(),
        "other_things_rejected_or_unsure": is_unsure.mean(),
    }
    raw = predict(inputs.test_images).argmax(axis=1) == labels
    by_variant = is_right.reshape(-1, len(VARIANTS)).mean(axis=0)
    details = {
        "recipe": RECIPE,
        "min_probability": floor,
        "min_probability_by_validation": choose_min_probability(
            validation, inputs.validation_labels
        ),
        "test_accuracy": float(raw.mean()),
        "test_accuracy_of_the_first_images": float(raw[:IMAGES].mean()),
        "named_rightly_by_variant": dict(zip(VARIANTS, by_variant.tolist(), strict=True)),
        "images_wrong_at_090": _list_images(wrong & first.is_certain),
        "others_rejected": _by_kind(~others.is_named),
        "others_rejected_or_unsure": _by_kind(is_unsure),
    }
    return {name: float(value) for name, value in figures.items()}, details


def _list_images(is_variant: NDArray[np.bool_]) -> list[int]:
    """Return the positions of the digits that have such a variant."""
    return np.flatnonzero(is_variant.reshape(-1, len(VARIANTS)).any(axis=1)).tolist()


def _by_kind(values: NDArray[np.bool_]) -> dict[str, float]:
    return dict(zip(OTHER_KINDS, values.reshape(-1, OTHERS).mean(axis=1).tolist(), strict=True))


def _predict(predict: Predict, inputs: Pixels) -> ImagePredictions:
    probabilities = predict(inputs)
    is_named = inputs.any(axis=(1, 2))
    return ImagePredictions(
        inputs, probabilities.argmax(axis=1), np.where(is_named, probabilities.max(axis=1), 0)
    )


def main() -> None:
    """Train with each seed, and print the figures and their details."""
    chosen = []
    with tempfile.TemporaryDirectory() as folder:
        data.prepare(Path(folder))
        inputs = preprocess(Path(folder))
        for seed in _SEEDS:
            figures, details = measure(inputs, train(Path(folder), seed))
            chosen.append(details["min_probability_by_validation"])
            print(f"seed {seed}")
            for name, value in (figures | details).items():
                print(
                    f"  {name}: {value:.4g}" if isinstance(value, float) else f"  {name}: {value}"
                )
    print(f"min_probability by validation: {max(chosen)}")


if __name__ == "__main__":
    main()
