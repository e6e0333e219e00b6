"""MNIST's contract, as the globals of ``conf/base`` have it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from crosscloud_mnist.contract import Contract

_GLOBALS = Path(__file__).parents[1] / "conf" / "base" / "globals.yml"


@cache
def mnist_contract() -> Contract:
    """Return the contract."""
    return Contract(**yaml.safe_load(_GLOBALS.read_text())["contract"])
