"""Sections of conf: an entry that a value refers to, and that is not there, is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.configuration import load_section
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
    loader = OmegaConfigLoader(str(CONF), env=env, runtime_params=given, **CONFIG_LOADER_ARGS)
    with pytest.raises(ConfigurationError) as raised:
        load_section(loader, section)
    assert message in str(raised.value)
    assert str(raised.value).endswith("check --params and conf")
