"""What is wrong with the settings of a cluster is named before Spark is used."""

from __future__ import annotations

import pytest

from crosscloud_mnist.adapters.spark.session import SparkCluster
from crosscloud_mnist.errors import ConfigurationError


@pytest.mark.parametrize("slots", ["2", "two", 0, None])
def test_slots_that_are_no_number_are_named(slots):
    with pytest.raises(ConfigurationError, match=f"slots is {slots!r}, expected a whole number"):
        SparkCluster(None, slots)
