"""Past deals under another rule: what is said, and what is not."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.phases.choosing import Chooser, Rule
from cti_server.phases.paths import Path
from cti_server.phases.replaying import FEWEST, PastDeal, replay

CHANCE = {"e": 0.6, "f": 0.2, "g": 0.4}
"""How often a customer of each member is worth 1,000."""


def past(
    count: int, seed: int, chance: dict[str, float] | None = None, shares: tuple[int, ...] = (1, 1, 1)
) -> list[PastDeal]:
    """Customers who went to members by chance."""
    drawn, odds, deals = Random(seed), chance or CHANCE, []
    for number in range(count):
        member = drawn.choices(sorted(odds), shares)[0]
        won = drawn.random() < odds[member]
        path = Path("web", (member,), int(won), over=not won, worth=1_000 if won else 0)
        deals.append(PastDeal(path, (float(number),), number + 5.0))
    return deals


def test_a_rule_that_finds_the_best_is_seen_to() -> None:
    (one,) = replay(past(900, 1), Chooser(Rule.BALANCED), 1)
    assert one.customers == 900 and 200 < one.agreed < 400
    assert one.under_rule is not None and one.low < 600 < one.high and one.low > one.worth
    assert one.verdict == "more"


def test_it_is_said_where_nothing_can_be_said() -> None:
    (one,) = replay(past(FEWEST, 2), Chooser(Rule.BALANCED), 1)
    assert (one.under_rule, one.verdict) == (None, "few")
    assert replay([], Chooser(Rule.SUM), 2)[1].customers == 0


def test_members_who_had_many_customers_do_not_count_for_more() -> None:
    """Uneven shares: the weights even them out, so that the estimate is still that of the rule's own choice."""
    (one,) = replay(past(2_000, 3, shares=(1, 8, 1)), Chooser(Rule.BALANCED), 1)
    assert one.under_rule is not None and one.low < 600 < one.high


def test_a_phase_that_a_deal_never_came_to_is_not_counted() -> None:
    deals = [
        PastDeal(Path("web", ("a", "e"), 2, worth=10), (float(n), n + 1.0), n + 2.0) for n in range(30)
    ] + [PastDeal(Path("web", ("a",), 0, over=True, worth=0), (50.0 + n,), 51.0 + n) for n in range(10)]  # fmt: skip
    first, second = replay(deals, Chooser(Rule.SUM), 2)
    assert (first.customers, second.customers) == (40, 30)
    assert (first.agreed, first.under_rule, second.under_rule) == (40, first.worth, 10.0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(Rule)))
def test_it_is_the_same_each_time_and_where_all_are_alike_no_rule_is_better(seed: int, rule: Rule) -> None:
    deals = past(300, seed, dict.fromkeys("efg", 1.0))
    (one,) = replay(deals, Chooser(rule), 1)
    assert one == replay(deals, Chooser(rule), 1)[0]
    assert one.under_rule in (None, 1_000.0) and one.worth == 1_000.0
