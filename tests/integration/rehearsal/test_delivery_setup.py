"""The checkout that a delivery changes: every text that is replaced is in the sources of today."""

from __future__ import annotations

import pytest
import yaml

from rehearsal.delivery_setup import change_recipe, write_checkout


@pytest.fixture
def checkout(tmp_path):
    write_checkout(tmp_path / "checkout")
    return tmp_path / "checkout"


def test_a_checkout_trains_for_seconds(checkout):
    recipes = yaml.safe_load((checkout / "conf/base/parameters_recipes.yml").read_text())
    compact = recipes["_recipes"]["compact"]
    assert (compact["epochs"], compact["steps_per_epoch"]) == (3, 60)
    assert "mode: single" in (checkout / "conf/base/globals.yml").read_text()


def test_a_setting_that_a_recipe_does_not_have_is_named(checkout):
    with pytest.raises(ValueError, match="recipe compact in .* has no epochz"):
        change_recipe(checkout / "conf", "compact", epochz=3)
