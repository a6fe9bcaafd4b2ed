"""How sure a share, a mean, or the difference between two of them is. Pure; 95 % throughout."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import Final, NamedTuple

Z: Final = 1.959964
# fmt: off
_STUDENT: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
"""Quantiles of Student's t for 1 to 30 degrees of freedom, two-sided 95 %."""


class Interval(NamedTuple):
    """A value, and between what it lies."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0; else 0: no difference is shown."""
        if self.low > 0:
            return 1
        return -1 if self.high < 0 else 0


def share(hits: int, of: int) -> Interval:
    """A share of independent trials (Wilson, 1927)."""
    if of == 0:
        return Interval(0.0, 0.0, 1.0)
    rate, weight = hits / of, Z * Z / of
    middle = (rate + weight / 2) / (1 + weight)
    half = Z * sqrt(rate * (1 - rate) / of + weight / (4 * of)) / (1 + weight)
    return Interval(rate, min(rate, max(0.0, middle - half)), max(rate, min(1.0, middle + half)))


def between_shares(one: Interval, other: Interval) -> Interval:
    """The first share less the second (Newcombe, 1998, method 10)."""
    gap = one.value - other.value
    low = gap - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = gap + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(gap, max(-1.0, low), min(1.0, high))


class Ratio(NamedTuple):
    """A mean over clusters of observations: its value, the variance of that, and how many clusters it was made of."""

    value: float
    variance: float
    clusters: int


def ratio(clusters: Sequence[tuple[float, float]]) -> Ratio:
    """The mean of observations that come in clusters, each (sum, number). Observations of a cluster resemble each
    other, so that it is clusters that count: the variance is that of a ratio of their sums (Cochran, 1977, 6.4)."""
    known = [(total, number) for total, number in clusters if number]
    numbers = sum(number for _total, number in known)
    value = sum(total for total, _number in known) / numbers if numbers else 0.0
    if len(known) < 2:
        return Ratio(value, inf, len(known))
    squares = sum((total - value * number) ** 2 for total, number in known)
    return Ratio(value, len(known) / (len(known) - 1) * squares / numbers**2, len(known))


def between_ratios(one: Ratio, other: Ratio) -> Interval:
    """The first mean less the second (Welch, 1947). Unbounded where either was made of one cluster."""
    gap, variance = one.value - other.value, one.variance + other.variance
    if variance == inf:
        return Interval(gap, -inf, inf)
    if variance == 0:
        return Interval(gap, gap, gap)
    parts = one.variance**2 / (one.clusters - 1) + other.variance**2 / (other.clusters - 1)
    half = student(variance**2 / parts) * sqrt(variance)
    return Interval(gap, gap - half, gap + half)


def student(freedom: float) -> float:
    """The quantile of Student's t, rather too large than too small."""
    whole = max(1, int(freedom))
    return _STUDENT[whole - 1] if whole <= len(_STUDENT) else Z + 2.5 / whole
