"""A tag is what every registry accepts."""

from __future__ import annotations

import pytest

from crosscloud_mnist.promotion.tags import MAX_TAG_LENGTH, shorten


@pytest.mark.parametrize(
    ("value", "shortened"),
    [
        ("x", "x"),
        (" x ", "x"),
        ("x" * 999 + " y", "x" * 999),  # cut within a blank
        ("y" * 2000, "y" * MAX_TAG_LENGTH),
    ],
)
def test_a_value_is_not_too_long_and_has_no_blank_at_either_end(value, shortened):
    assert shorten(value) == shortened
