"""How far one distribution is from another: the population stability index (PSI).

PSI = sum over the bins of (found - expected) ln(found / expected), the symmetric Kullback-Leibler
divergence that banks watch their scorecards with: below 0.1 there is no shift, above 0.25 a large
one (N. Siddiqi, Credit Risk Scorecards, 2006, ch. 9). Between two samples of one distribution, of n
and m, it is about (1/n + 1/m) times a chi-square of bins - 1 degrees of freedom (B. Yurdakul and
J. Naranjo, Statistical properties of the population stability index, 2020). The limit is at least
that distribution's 99.9 % quantile, so that a small log raises no alarm by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.monitoring.profile import Profile

_FALSE_ALARM_RATE = 0.001
_PSEUDO_COUNT = 0.5  # added to every bin: an empty one has no logarithm


class Drift(TypedDict):
    """How far one statistic moved.

    Attributes:
        statistic: Its name.
        psi: Population stability index, 0 or more.
        limit: The largest ``psi`` that is no drift.
        drifted: Whether ``psi`` is above the limit.
        expected: The shares of the bins at training.
        found: The same in the log.
        edges: Between the bins, where the statistic is a number.
    """

    statistic: str
    psi: float
    limit: float
    drifted: bool
    expected: list[float]
    found: list[float]
    edges: list[float] | None


def compare(expected: Profile, found: Profile, threshold: float) -> list[Drift]:
    """Return the drift of every statistic, the largest first.

    Args:
        expected: The profile at training.
        found: The profile of the log, in the same bins.
        threshold: The PSI that counts as drift, where the samples are large enough.
    """
    drifts: list[Drift] = []
    for name, actual in found["statistics"].items():
        reference = expected["statistics"][name]
        psi = _psi(
            _smooth(reference["shares"], expected["images"]),
            _smooth(actual["shares"], found["images"]),
        )
        limit = max(threshold, _chance_limit(expected, found, len(actual["shares"])))
        drifts.append(
            {
                "statistic": name,
                "psi": psi,
                "limit": limit,
                "drifted": psi > limit,
                "expected": reference["shares"],
                "found": actual["shares"],
                "edges": reference.get("edges"),
            }
        )
    return sorted(drifts, key=lambda drift: drift["psi"] / drift["limit"], reverse=True)


def _psi(expected: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    return float(((found - expected) * np.log(found / expected)).sum())


def _smooth(shares: Sequence[float], images: int) -> NDArray[np.float64]:
    counts = np.array(shares) * images + _PSEUDO_COUNT
    return np.asarray(counts / counts.sum())


def _chance_limit(expected: Profile, found: Profile, bins: int) -> float:
    """Return the PSI that samples of this size exceed by chance at the false alarm rate."""
    from scipy.special import chdtri  # scipy.stats takes three times as long to import

    scale = 1 / max(expected["images"], 1) + 1 / max(found["images"], 1)
    return float(chdtri(bins - 1, _FALSE_ALARM_RATE) * scale)
