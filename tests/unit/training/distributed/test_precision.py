"""bfloat16 is chosen by the instructions of every rank's processor."""

from __future__ import annotations

import logging
import sys

import pytest
from archspec.cpu import detect

from crosscloud_mnist.training.distributed import precision


@pytest.mark.parametrize(
    ("features", "policy"),
    [
        ({"avx512f", "avx512_bf16"}, "mixed_bfloat16"),
        ({"amx_bf16"}, "mixed_bfloat16"),
        ({"avx512f"}, "float32"),
        (set(), "float32"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(monkeypatch, features, policy):
    processor = detect.partial_uarch(features=features)
    monkeypatch.setattr(detect, "detected_info", lambda: processor)
    assert precision.choose_precision("auto") == policy


def test_a_given_precision_is_kept(monkeypatch):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: False)
    assert precision.choose_precision("mixed_bfloat16") == "mixed_bfloat16"


def test_one_rank_without_bfloat16_makes_all_use_float32(monkeypatch):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "gather", lambda message: [message, "False"])
    assert precision.choose_precision("auto") == "float32"


def test_without_archspec_it_is_float32_and_a_warning_says_why(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "archspec.cpu", None)
    with caplog.at_level(logging.WARNING):
        assert precision.choose_precision("auto") == "float32"
    assert "archspec is not installed here" in caplog.text
