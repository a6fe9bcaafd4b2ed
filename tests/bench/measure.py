"""What a measurement is, how it is taken and how the table of them is printed."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass
class Row:
    """One measured figure. ``target`` is a bound on ``value``: at least it where ``at_least``, else at most it."""

    name: str
    value: float
    unit: str
    target: float
    at_least: bool
    against: str
    dominates: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "met": self.met}


def cpu_seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The median processor time of some runs of ``work``, this process only, garbage collected before each."""
    times = []
    for _ in range(runs):
        gc.collect()
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times)


def paired(ours: Callable[[], object], peer: Callable[[], object], runs: int = 3) -> tuple[float, float, float]:
    """Runs both in turn; the median of peer/ours pair by pair (above 1: ours is quicker), and both medians."""
    pairs = [(cpu_seconds(ours, 1), cpu_seconds(peer, 1)) for _ in range(runs)]
    return (
        statistics.median(peer / mine for mine, peer in pairs),
        statistics.median(mine for mine, _ in pairs),
        statistics.median(peer for _, peer in pairs),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident_bytes() -> int:
    """What this process holds in memory now."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def print_table(rows: Sequence[Row]) -> None:
    """The figures as a table: reached, target, what it was held against, what dominates where it was not reached."""
    print(f"\n{'what':58} {'reached':>10} {'target':>10}  {'':4} against")
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        verdict = "met" if row.met else "NOT"
        print(f"{row.name:58} {row.value:10.3g} {sign}{row.target:9.3g}  {verdict:4} {row.against} [{row.unit}]")
        if row.dominates:
            print(f"{'':60}{row.dominates}")
