"""Settings to try: a grid, a list, or nothing."""

from __future__ import annotations

import pytest

from crosscloud_mnist.training.grid import apply_changes, describe_changes, expand


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
def test_without_a_grid_there_is_one_model(nothing):
    assert expand(nothing) == ({},)


def test_a_setting_without_values_is_rejected():
    with pytest.raises(ValueError, match="epochs has no values, expected a list"):
        expand({"epochs": []})


def test_changes_are_applied_to_the_configuration(job):
    first, second = apply_changes(job.config, [{"epochs": 3}, {"optimizer": "sgd"}])
    assert (first.epochs, first.optimizer) == (3, "adam")
    assert (second.epochs, second.optimizer) == (2, "sgd")


def test_names_identify_settings():
    assert (
        describe_changes({"optimizer": "sgd", "global_batch_size": 64})
        == "global_batch_size=64, optimizer=sgd"
    )
