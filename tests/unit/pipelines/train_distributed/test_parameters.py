"""A parameter that cannot be meant is rejected when Kedro builds the parameters."""

from __future__ import annotations

import pytest
from kedro.validation import ParameterValidationError, ParameterValidator
from pydantic import ValidationError

from crosscloud_mnist.pipelines.train_distributed import create_pipeline


def test_kedro_builds_the_typed_parameters_before_any_node_runs(values):
    validator = ParameterValidator({"train_distributed": create_pipeline()})
    raw = {"train_distributed": values}
    assert validator.validate_raw_params(raw)["train_distributed"].settings.epochs == 2
    values["settings"]["epochz"] = 3
    with pytest.raises(ParameterValidationError, match=r"settings\.epochz"):
        validator.validate_raw_params(raw)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "fast"}, "'single', 'local', 'distributed' or 'custom'"),
        ({"golden_images_per_class": 0}, "greater than or equal to 1"),
        ({"mood": "single"}, "Unexpected keyword argument"),
        ({"grid": {"optimizer": ["adam", "lion"]}}, "optimizer is 'lion', expected 'adam', 'sgd'"),
        ({"grid": {"rate": [1]}}, "rate is no setting, expected those of the recipes"),
        ({"grid": [{"rate": 1}]}, "rate is no setting"),
        ({"grid": {"epochs": []}}, "epochs has no values"),
        ({"grid": {"epochs": 3}}, "valid list"),
        ({"grid": "epochs"}, "valid dictionary"),
    ],
)
def test_an_invalid_parameter_is_rejected(parse, changes, message):
    with pytest.raises(ValidationError, match=message):
        parse(**changes)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("epochs", -1, "greater than or equal to 1"),
        ("epochs", 1.5, "valid integer"),
        ("epochs", True, "valid integer"),
        ("epochs", "three", "valid integer"),
        ("learning_rate", 0, "greater than 0"),
        ("learning_rate", float("inf"), "finite number"),
        ("optimizer", "lion", "'adam', 'sgd' or 'nesterov'"),
        ("model", "lenet", "expected baseline, compact, best, or a function's dotted path"),
        ("model", "no.module.create", "there is no module no.module"),
        ("label_smoothing", 1.0, "less than 1"),
        ("epochz", 3, "Unexpected keyword argument"),
    ],
)
def test_an_invalid_setting_is_rejected(parse, values, setting, value, message):
    with pytest.raises(ValidationError, match=message):
        parse(settings={**values["settings"], setting: value})


def test_the_values_are_logged_by_their_full_names(parse):
    flat = parse(mode="single", grid={"epochs": [1, 2]}).flatten()
    assert flat["train_distributed.mode"] == "single"
    assert flat["train_distributed.settings.optimizer"] == "adam"
    assert flat["train_distributed.grid"] is None  # of mode custom only
