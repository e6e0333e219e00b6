"""Settings to try: a grid, a list, or nothing."""

from __future__ import annotations

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.training.grid import expand, name_of


def test_a_grid_is_all_combinations():
    assert expand(
        {"optimizer": ["adam", "sgd"], "global_batch_size": [64], "learning_rate": [0.1, 0.2]}
    ) == (
        {"optimizer": "adam", "global_batch_size": 64, "learning_rate": 0.1},
        {"optimizer": "adam", "global_batch_size": 64, "learning_rate": 0.2},
        {"optimizer": "sgd", "global_batch_size": 64, "learning_rate": 0.1},
        {"optimizer": "sgd", "global_batch_size": 64, "learning_rate": 0.2},
    )


def test_a_list_is_taken_as_it_is():
    assert expand([{"global_batch_size": 64}, {"epochs": 3}]) == (
        {"global_batch_size": 64},
        {"epochs": 3},
    )


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_nothing_is_one_model(nothing):
    assert expand(nothing) == ({},)


@pytest.mark.parametrize(
    "wrong",
    [
        {"global_batch_size": 64},
        {"global_batch_size": []},
        [64],
        "global_batch_size",
        {"global_batch_size": "64"},
    ],
)
def test_says_what_is_no_grid(wrong):
    with pytest.raises(ConfigurationError, match=r"train_distributed\.grid: found .* expected "):
        expand(wrong)


def test_names_tell_settings_apart():
    assert (
        name_of({"optimizer": "sgd", "global_batch_size": 64})
        == "global_batch_size=64, optimizer=sgd"
    )
