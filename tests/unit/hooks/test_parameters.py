"""Parameters are checked before a run: their names, and their values by type."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import pytest
from kedro.pipeline import Node, Pipeline
from pydantic import ConfigDict, PositiveInt
from pydantic.dataclasses import dataclass

from crosscloud_mnist.contract import Contract
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.configuration import CachingConfigLoader
from crosscloud_mnist.hooks.parameters import check_parameters
from rehearsal.mnist_contract import mnist_contract


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Settings:
    epochs: PositiveInt
    ema_momentum: float | None = None


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainParameters:
    mode: Literal["single", "local"]
    reason: str | None
    settings: Settings
    tags: tuple[str, ...] = ()


def train(parameters: TrainParameters) -> int:
    return parameters.settings.epochs


PIPELINES = {"train": Pipeline([Node(train, "params:train", "epochs", name="train")])}


def check(conf: Path, **given: Any) -> dict[str, Any]:
    """Check what was given, and return what a run then reads."""
    for name in ("base", "local"):
        (conf / name).mkdir(exist_ok=True)
    (conf / "base" / "parameters.yml").write_text(
        "train: {mode: single, reason: null, settings: {epochs: 3}}\n"
        "seed: 0\ngroup: {limit: 2}\nfolder: data\n"
    )
    (conf / "base" / "catalog.yml").write_text(
        "a: {type: x, path: '${runtime_params:images,y}', uri: '${runtime_params:group.model,z}'}"
    )
    loader = CachingConfigLoader(
        str(conf), base_env="base", default_run_env="local", runtime_params=given
    )
    check_parameters(loader, PIPELINES)
    return loader.runtime_params


def test_parameters_of_the_files_and_of_the_catalog_pass(tmp_path):
    check(tmp_path, seed=1, images="x", group={"limit": 1, "model": "m"})
    check(tmp_path, train={"mode": "local", "settings": {"epochs": 2, "ema_momentum": 0.9}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image": "x"}, "there is no parameter image, did you mean images"),
        ({"group": {"limits": 1}}, "no parameter group.limits, did you mean group.limit"),
        (
            {"train": {"settings": {"epochz": 3}}},
            "no parameter train.settings.epochz, did you mean train.settings.epochs",
        ),
        (
            {"train": {"settings": {"ema_momentm": 3}}},
            "no parameter train.settings.ema_momentm, did you mean train.settings.ema_momentum",
        ),
        (
            {"train": {"settings": {"epochs": -1}}},
            "^train.settings.epochs is -1: expected greater than 0; check --params",
        ),
        ({"train": {"mode": "fast"}}, "train.mode is 'fast': expected 'single' or 'local'"),
        ({"train": {"mode": 1}}, "train.mode is '1': expected 'single' or 'local'"),
    ],
)
def test_an_unknown_name_or_an_invalid_value_is_named_with_what_is_expected(
    tmp_path, given, message
):
    with pytest.raises(ConfigurationError, match=message) as caught:
        check(tmp_path, **given)
    assert "\n" not in str(caught.value)


def test_a_number_stays_text_where_text_is_expected(tmp_path):
    given = {"images": 2024, "folder": 7, "seed": 7, "group": {"model": 1, "limit": 1}}
    typed = {"reason": 2024, "settings": {"epochs": 3}}
    assert check(tmp_path, **given, train=typed) == {
        "images": "2024",
        "folder": "7",
        "seed": 7,
        "group": {"model": "1", "limit": 1},
        "train": {"reason": "2024", "settings": {"epochs": 3}},
    }
    unchanged = {"train": {"reason": None, "tags": ["a", "b"]}}
    assert check(tmp_path, **unchanged) == unchanged


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_shape": [28]}, r"^contract: image_shape is \[28\], expected \[height, width\]"),
        ({"classes": ["a", "A"]}, "^contract: classes holds a name twice"),
        ({"shape": [28, 28]}, "there is no parameter contract.shape"),
        ({"classes": 7}, "^contract.classes is 7: expected a valid tuple"),
    ],
)
def test_a_contract_that_no_data_set_has_is_one_line(tmp_path, given, message):
    def use_contract(contract: Contract) -> int:
        return contract.class_count

    (tmp_path / "base").mkdir()
    (tmp_path / "local").mkdir()
    values = {**asdict(mnist_contract()), **given}
    (tmp_path / "base" / "parameters.yml").write_text(json.dumps({"contract": values}))
    loader = CachingConfigLoader(str(tmp_path), base_env="base", default_run_env="local")
    pipeline = Pipeline([Node(use_contract, "params:contract", "count", name="use_contract")])
    with pytest.raises(ConfigurationError, match=message) as raised:
        check_parameters(loader, {"train": pipeline})
    assert "\n" not in str(raised.value)
