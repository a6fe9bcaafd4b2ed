"""What a trial of rules came to: means with intervals over the seeds, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from operator import itemgetter
from statistics import fmean, median, stdev
from typing import Any, Final

from cti_server.phases.choosing import Chooser, Rule
from cti_server.phases.intervals import Interval, student
from cti_simulators.policy_trial import Outcome, Policy, Trial, at_random, by_rule, by_truth, round_robin
from cti_simulators.sales_firm import PHASES, Firm

RULES: Final[dict[str, tuple[str, Callable[[Firm], Policy]]]] = {
    "random": ("anybody who is free", lambda _firm: at_random),
    "round-robin": ("one after the other", lambda _firm: round_robin()),
    "patent-sum": ("sum of CLTV in the phase", lambda _firm: by_rule(Chooser(Rule.SUM))),
    "patent-rate": ("that sum x hand-on rate", lambda _firm: by_rule(Chooser(Rule.RATE))),
    "patent-earlier": ("sum, same member before", lambda _firm: by_rule(Chooser(Rule.EARLIER))),
    "patent-source": ("sum, same first contact", lambda _firm: by_rule(Chooser(Rule.SOURCE))),
    "ours": ("shrunk, with room and trials", lambda _firm: by_rule(Chooser(Rule.BALANCED))),
    "truth": ("knows how good everybody is", by_truth),
}
"""Name -> what it goes by, and the policy for a firm. ``truth`` is what the others are held against."""
OURS: Final = "ours"
TRUTH: Final = "truth"


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one rule; money in yen per customer."""

    name: str
    worth: Interval
    regret: float
    """How much less than the rule that knows the truth."""
    largest_share: float
    """The largest share of a phase's customers that one member got; mean over the seeds."""
    behind_ours: Interval
    """How much less than ours with the same customers."""
    loads: tuple[tuple[float, ...], ...]
    """For each phase: the shares of its members, the busiest first; means over the seeds."""
    found: tuple[int, ...]
    """In how many choices each new member that was found was found."""
    newcomers: int
    waited: float


def trials(seeds: int) -> Iterator[tuple[int, dict[str, Outcome]]]:
    """Each seed (1, 2, ...) with what came of every rule in its firm."""
    for seed in range(1, seeds + 1):
        firm = Firm(seed)
        yield seed, {name: Trial(firm, make(firm)).run() for name, (_by, make) in RULES.items()}


def rows(outcomes: list[dict[str, Outcome]]) -> list[Row]:
    """The rules, in their order, over all seeds."""
    return [_row(name, outcomes) for name in RULES]


def _row(name: str, outcomes: list[dict[str, Outcome]]) -> Row:
    own = [one[name] for one in outcomes]
    found = [choices for one in own for choices in one.found_after]
    return Row(
        name=name,
        worth=interval([one.mean for one in own]),
        regret=fmean(one[TRUTH].mean - one[name].mean for one in outcomes),
        largest_share=fmean(max(max(shares) for shares in one.shares) for one in own),
        behind_ours=interval([one[OURS].mean - one[name].mean for one in outcomes]),
        loads=tuple(
            tuple(fmean(place) for place in zip(*(one.shares[phase] for one in own), strict=True))
            for phase in range(len(PHASES))
        ),
        found=tuple(choices for choices in found if choices is not None),
        newcomers=len(found),
        waited=fmean(one.waited for one in own),
    )


def interval(values: list[float]) -> Interval:
    """The mean with its 95 % interval (Student's t); no width where there is one value only."""
    mean = fmean(values)
    half = student(len(values) - 1) * stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was predicted, held against what came: means, in yen or in days."""

    predicted: float
    came: float
    off_by: float
    """Mean distance of one prediction from what came."""
    fifths: tuple[tuple[float, float], ...]
    """(predicted, came) of the first fifth of the cases, and so on."""


def worth_predictions(outcomes: list[dict[str, Outcome]]) -> dict[str, Prediction]:
    """Both predictions of CLTV, in yen, for the customers of our rule in all firms. The first fifth is that with the
    lowest predictions: where both means rise together, the prediction ranks customers rightly."""
    contracts = [one for outcome in outcomes for one in outcome[OURS].contracts]
    return {
        "price x months": _prediction([sorted(((one.plain, one.paid) for one in contracts), key=itemgetter(0))]),
        "x success days": _prediction([sorted(((one.sharpened, one.paid) for one in contracts), key=itemgetter(0))]),
    }


def time_predictions(outcomes: list[dict[str, Outcome]]) -> dict[str, Prediction]:
    """How long a phase was predicted to take when a customer came to it (the mean of those who got through it before),
    for those of our rule who got through it, in days. The first fifth is the one that came first in each firm: of those
    before them only the quick ones were through."""
    return {
        name: _prediction(
            [
                [
                    (one.predicted, one.took)
                    for one in outcome[OURS].passages
                    if one.phase == phase and one.predicted is not None
                ]
                for outcome in outcomes
            ]
        )
        for phase, name in enumerate(PHASES)
    }


def _prediction(firms: Sequence[Sequence[tuple[float, float]]]) -> Prediction:
    """Of (predicted, came), each firm's in their order."""
    lots: list[list[tuple[float, float]]] = [[] for _fifth in range(5)]
    for pairs in firms:
        for place, pair in enumerate(pairs):
            lots[place * 5 // len(pairs)].append(pair)
    everyone = [pair for lot in lots for pair in lot]
    return Prediction(
        *_means(everyone),
        off_by=fmean(abs(predicted - came) for predicted, came in everyone),
        fifths=tuple(_means(lot) for lot in lots if lot),
    )


def _means(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return fmean(predicted for predicted, _came in pairs), fmean(came for _predicted, came in pairs)


def prediction_lines(outcomes: list[dict[str, Outcome]]) -> Iterator[str]:
    """What predictions came to, for people."""
    yield ""
    yield "Prediction: CLTV at the contract against what was paid in the end, our rule's customers"
    yield ""
    yield f"{'predicted by':18}{'predicted':>11}{'paid':>11}{'off by':>11}  predicted/paid in thousands, by fifths"
    for name, one in worth_predictions(outcomes).items():
        fifths = "  ".join(f"{predicted / 1000:,.0f}/{paid / 1000:,.0f}" for predicted, paid in one.fifths)
        yield f"{name:18}{one.predicted:>11,.0f}{one.came:>11,.0f}{one.off_by:>11,.0f}  {fifths}"
    yield ""
    yield "Prediction: days in a phase (the mean of those who got through it before) against what it took"
    yield ""
    yield f"{'phase':18}{'predicted':>11}{'took':>11}{'off by':>11}  predicted/took, by fifths from first to last"
    for name, one in time_predictions(outcomes).items():
        fifths = "  ".join(f"{predicted:.1f}/{took:.1f}" for predicted, took in one.fifths)
        yield f"{name:18}{one.predicted:>11.1f}{one.came:>11.1f}{one.off_by:>11.1f}  {fifths}"


def as_json(found: list[Row]) -> dict[str, Any]:
    """What programs read; yen per customer."""
    return {
        "rules": [
            {
                "name": row.name,
                "mean": round(row.worth.value),
                "low": round(row.worth.low),
                "high": round(row.worth.high),
                "regret": round(row.regret),
                "largest_share": round(row.largest_share, 4),
            }
            for row in found
        ]
    }


def as_text(found: list[Row], seeds: int) -> Iterator[str]:
    """The same for people, line by line."""
    yield f"Realised CLTV per customer in yen, {seeds} synthetic firms, 95 % intervals"
    yield ""
    yield f"{'rule':16}{'goes by':30}{'mean':>9}  {'interval':<19}{'regret':>9}  {'behind ours':>11}  {'interval':<19}"
    for row in found:
        by, worth, behind = RULES[row.name][0], row.worth, row.behind_ours
        yield (
            f"{row.name:16}{by:30}{worth.value:>9,.0f}  {_between(worth):<19}{row.regret:>9,.0f}  "
            f"{behind.value:>11,.0f}  {_between(behind):<19}"
        ).rstrip()
    yield ""
    yield "Load: per cent of a phase's customers by member, the busiest first; and who had to wait for a member"
    yield ""
    yield f"{'rule':16}{'largest':>8}{'waited':>8}  " + "".join(f"{phase:30}" for phase in PHASES).rstrip()
    for row in found:
        loads = "".join(f"{' '.join(f'{share * 100:.0f}' for share in shares):30}" for shares in row.loads)
        yield f"{row.name:16}{row.largest_share:>8.0%}{row.waited:>8.1%}  {loads.rstrip()}"
    yield ""
    yield "A good new member in each phase: found (lastingly given more than an equal share) after so many choices"
    yield ""
    yield f"{'rule':16}{'found':>10}{'median':>8}"
    for row in found:
        middle = f"{median(row.found):.0f}" if row.found else "-"
        yield f"{row.name:16}{f'{len(row.found)} of {row.newcomers}':>10}{middle:>8}"
    yield ""
    yield from _verdict(found)


def _between(one: Interval) -> str:
    return f"{one.low:,.0f} .. {one.high:,.0f}"


def _verdict(found: list[Row]) -> Iterator[str]:
    patent = [row for row in found if row.name.startswith("patent-")]
    open_ones = [row.name for row in patent if row.behind_ours.low <= 0]
    if not open_ones:
        yield "Ours beats each of the patent's rules; no interval of the difference reaches 0."
    else:
        yield f"Ours is not shown to beat {', '.join(open_ones)}: the interval of the difference reaches 0."
