"""How far one distribution is from another: the population stability index.

PSI = sum over the bins of (found - expected) ln(found / expected), the symmetric Kullback-Leibler
divergence, as banks watch their scorecards with it: below 0.1 nothing moved, above 0.25 much did
(N. Siddiqi, Credit Risk Scorecards, 2006, ch. 9). Between two samples of one distribution, of n and
m, it is about (1/n + 1/m) times a chi-square of bins - 1 degrees of freedom (B. Yurdakul and
J. Naranjo, Statistical properties of the population stability index, 2020): a small log must not
raise an alarm by chance, so the limit is never below that one's 99.9 % quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.monitoring.profile import Profile

_CHANCE = 0.001
_MIN_COUNT = 0.5  # added to every bin: one that is empty has no logarithm


@dataclass(frozen=True)
class Drift:
    """How one statistic moved.

    Attributes:
        statistic: Its name.
        psi: Population stability index, 0 or more.
        limit: What it may be.
        drifted: Whether it is more.
        expected: The shares of the bins at training.
        found: The same now.
        edges: Between the bins, where the statistic is one of values.
    """

    statistic: str
    psi: float
    limit: float
    drifted: bool
    expected: list[float]
    found: list[float]
    edges: list[float] | None


def compare(expected: Profile, found: Profile, threshold: float) -> list[Drift]:
    """Return how every statistic moved, the worst first.

    Args:
        expected: The profile at training.
        found: The profile now, in the same bins.
        threshold: The PSI that counts as drift, where the samples are large enough to tell.
    """
    drifts = []
    for name, now in found["statistics"].items():
        then = expected["statistics"][name]
        psi = _psi(
            _smooth(then["shares"], expected["images"]), _smooth(now["shares"], found["images"])
        )
        limit = max(threshold, _by_chance(expected, found, len(now["shares"])))
        drifts.append(
            Drift(name, psi, limit, psi > limit, then["shares"], now["shares"], then.get("edges"))
        )
    return sorted(drifts, key=lambda drift: drift.psi / drift.limit, reverse=True)


def _psi(then: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    return float(((now - then) * np.log(now / then)).sum())


def _smooth(shares: Sequence[float], images: int) -> NDArray[np.float64]:
    counts = np.array(shares) * images + _MIN_COUNT
    return np.asarray(counts / counts.sum())


def _by_chance(expected: Profile, found: Profile, bins: int) -> float:
    from scipy.stats import chi2

    spread = 1 / max(expected["images"], 1) + 1 / max(found["images"], 1)
    return float(chi2.isf(_CHANCE, bins - 1) * spread)
