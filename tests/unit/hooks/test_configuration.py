"""Sections of conf: an entry that a value refers to, and that is not there, is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.configuration import CachingConfigLoader, load_section
from crosscloud_mnist.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[3] / "conf"


@pytest.mark.parametrize(
    ("env", "section", "given", "message"),
    [
        (
            None,
            "parameters",
            {"train_distributed": {"recipe": "big"}},
            "there is no entry _recipes.big, expected one of baseline, best, compact;",
        ),
        (
            None,
            "parameters",
            {"train_distributed": {"recipe": "compat"}},
            "there is no entry _recipes.compat, did you mean _recipes.compact?",
        ),
        (
            None,
            "catalog",
            {"clouds": "all"},
            "there is no entry endpoints.all, expected one of production;",
        ),
        (
            "azure",
            "catalog",
            {"clouds": "al"},
            "there is no entry endpoints.al, did you mean endpoints.all?",
        ),
    ],
)
def test_an_entry_that_does_not_exist_is_named_with_those_that_do(
    env, section, given, message, monkeypatch
):
    for variable in ("MNIST_STORAGE", "MNIST_SOURCE", "MNIST_TARGET"):
        monkeypatch.setenv(variable, "/nowhere")
    loader = CachingConfigLoader(str(CONF), env=env, runtime_params=given, **CONFIG_LOADER_ARGS)
    with pytest.raises(ConfigurationError) as raised:
        load_section(loader, section)
    assert message in str(raised.value)
    assert str(raised.value).endswith("check --params and conf")


def test_a_section_is_read_once_and_each_reader_gets_its_own(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "local").mkdir()
    path = tmp_path / "base" / "parameters.yml"
    path.write_text("train: {epochs: 3}")
    loader = CachingConfigLoader(str(tmp_path), base_env="base", default_run_env="local")
    loader["parameters"]["train"]["epochs"] = 5  # as Kedro sets what --params says
    path.unlink()
    assert loader["parameters"] == {"train": {"epochs": 3}}


def test_a_section_is_read_again_with_other_parameters_of_the_command():
    given = {"train_distributed": {"recipe": "compact"}}
    loader = CachingConfigLoader(str(CONF), runtime_params=given, **CONFIG_LOADER_ARGS)
    loader.runtime_params = {}
    assert loader["parameters"]["train_distributed"]["recipe"] == "baseline"
    loader.runtime_params = given
    assert loader["parameters"]["train_distributed"]["recipe"] == "compact"


def test_what_is_set_replaces_what_was_read():
    loader = CachingConfigLoader(str(CONF), **CONFIG_LOADER_ARGS)
    assert loader["globals"]["storage"]
    loader["globals"] = {"storage": "elsewhere"}
    assert loader["globals"] == {"storage": "elsewhere"}
