"""The settings of a training: what a recipe holds, checked as it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt
from pydantic import ConfigDict, Field, TypeAdapter, field_validator
from pydantic.dataclasses import dataclass

from crosscloud_mnist.dotted_path import find_module

BUILT_IN_MODELS = ("baseline", "compact", "best")
Precision = Literal["float32", "mixed_bfloat16", "auto"]
Setting = str | int | float | bool | None
Count = Annotated[int, Field(strict=True, ge=1)]
Fraction = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class TrainingConfig:
    """What to train and for how long, independent of where the data is.

    Attributes:
        model: Name of an architecture in ``training.models``, or the dotted path of a function that
            creates a Keras model: see ``training.own_model``.
        optimizer: ``adam``, ``sgd``, or ``nesterov`` (SGD with a Nesterov momentum of 0.9).
        learning_rate: The peak rate; with ``reference_batch_size``, the one that suits that batch.
        schedule: ``constant``, or ``cosine`` (a short linear warm-up, then cosine to zero).
        epochs: Number of epochs.
        steps_per_epoch: Steps in each; an epoch is a number of steps, not a pass over the data.
        global_batch_size: Images in a step over all slots together.
        precision: ``float32``; ``mixed_bfloat16`` (compute only; the weights stay float32); or
            ``auto``: the latter where the processors of all slots have instructions for it.
        augment: Whether training images are shifted, rotated and scaled a little.
        seed: Of the weights, the shuffle and the augmentation.
        reference_batch_size: The batch that ``learning_rate`` was found for. The rate is then
            scaled by ``global_batch_size / reference_batch_size``, after a warm-up, so that a batch
            that grows with the number of slots needs no new rate; ``None`` takes the rate as it is.
        patience: Epochs without a lower validation loss after which training stops; ``None``
            trains all epochs.
        restore_best_weights: Whether the weights of the epoch with the lowest validation loss are
            exported instead of the last ones.
        ema_momentum: What an exponential moving average of the weights keeps of itself at each
            epoch's end, once it is over ``1 / (1 - ema_momentum)`` epochs long; before, it is
            their mean. Its weights are then the ones that are validated and exported; 0 turns
            it off. After Izmailov et al. 2018, https://arxiv.org/abs/1803.05407, with decay.
        label_smoothing: Share of a label that is spread over all classes, 0 to 1.
        elastic_sigma: Standard deviation, in pixels, of a smooth random displacement of training
            images; only with ``augment``.
    """

    model: str
    optimizer: Literal["adam", "sgd", "nesterov"]
    learning_rate: Annotated[float, Gt(0)]
    schedule: Literal["constant", "cosine"]
    epochs: Count
    steps_per_epoch: Count
    global_batch_size: Count
    precision: Precision
    augment: bool
    seed: Annotated[int, Field(strict=True)]
    reference_batch_size: Count | None = None
    patience: Count | None = None
    restore_best_weights: bool = False
    ema_momentum: Fraction = 0.0
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    elastic_sigma: Annotated[float, Ge(0)] = 0.0

    @field_validator("model")
    @classmethod
    def _check_model(cls, model: str) -> str:
        if model not in BUILT_IN_MODELS:
            try:
                find_module(model)
            except ValueError as error:
                names = ", ".join(BUILT_IN_MODELS)
                raise ValueError(
                    f"expected {names}, or a function's dotted path: {error}"
                ) from error
        return model

    def settings(self) -> dict[str, Setting]:
        """Return the values by name, as a recipe and JSON hold them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def parse_config(settings: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration that settings read from JSON or YAML describe.

    Raises:
        pydantic.ValidationError: A setting is missing, unknown, or of the wrong type or range.
    """
    return TypeAdapter(TrainingConfig).validate_python(settings)
