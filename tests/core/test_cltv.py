"""What a customer is worth: the spec's examples, and what can't be said."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.cltv import Contract, Past, Terms, months_paid, value
from cti_server.phases.money import Money, money
from cti_server.shared.errors import Invalid

FIRST = date(2026, 4, 1)
YEN = money(100_000, "JPY")
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def _contract(success_days: int = 24, price: Money | None = YEN, end: date | None = None) -> Contract:
    return Contract(FIRST, FIRST + timedelta(days=success_days), price, end)


def test_price_times_months() -> None:
    terms = Terms("JPY", months=Decimal(24), by_success_days=False)
    assert value(_contract(), terms, Past()).worth == money(2_400_000, "JPY")


def test_a_quick_contract_is_worth_more() -> None:
    terms = Terms("JPY", months=Decimal(24), success_days=Decimal(25))
    made = value(_contract(24), terms, Past())
    assert made.worth == money(2_500_000, "JPY")
    assert (made.price, made.months, made.expected_days, made.success_days) == (100_000, 24, 25, 24)
    assert value(_contract(50), terms, Past()).worth == money(1_200_000, "JPY")


def test_the_means_of_past_contracts_stand_in_for_constants() -> None:
    past = Past()
    past = past.plus(Contract(FIRST, FIRST + timedelta(days=20), money(80_000, "JPY"), date(2028, 4, 21)))
    past = past.plus(Contract(FIRST, FIRST + timedelta(days=30), money(120_000, "JPY"), date(2028, 5, 1)))
    made = value(_contract(24, price=None), Terms("JPY"), past)
    assert (made.price, made.months, made.expected_days) == (100_000, 24, 25)
    assert made.worth == money(2_500_000, "JPY")


def test_a_cancelled_contract_is_worth_what_was_paid() -> None:
    terms = Terms("JPY", months=Decimal(24), success_days=Decimal(25), factor=Decimal("0.9"))
    made = value(_contract(24, end=date(2026, 10, 25)), terms, Past())
    assert made.worth == money(600_000, "JPY")
    assert not made.predicted


def test_the_constant_is_exact() -> None:
    terms = Terms("USD", months=Decimal("10"), factor=Decimal("1.1"), by_success_days=False)
    assert value(_contract(price=money(Decimal("19.99"), "USD")), terms, Past()).worth.amount == Decimal("219.89")


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ((2026, 1, 15), (2026, 1, 15), 0),
        ((2026, 1, 15), (2026, 1, 16), 1),
        ((2026, 1, 15), (2026, 2, 15), 1),
        ((2026, 1, 15), (2026, 2, 16), 2),
        ((2026, 1, 31), (2026, 2, 28), 1),
        ((2026, 1, 31), (2026, 3, 1), 2),
        ((2024, 2, 29), (2026, 2, 28), 24),
    ],
)
def test_months_are_those_that_began(start: tuple[int, int, int], end: tuple[int, int, int], months: int) -> None:
    assert months_paid(date(*start), date(*end)) == months


def _code(problem: pytest.ExceptionInfo[Invalid]) -> str | None:
    assert str(problem.value).strip()
    return problem.value.code


def test_no_success_days_are_refused_in_words() -> None:
    with pytest.raises(Invalid, match="day of the first contact") as problem:
        value(_contract(0), Terms("JPY", months=Decimal(24), success_days=Decimal(25)), Past())
    assert _code(problem) == "success-days-zero"
    assert value(_contract(0), Terms("JPY", months=Decimal(24), by_success_days=False), Past()).worth.minor == 2_400_000


def test_a_contract_can_not_end_before_it_began() -> None:
    with pytest.raises(Invalid, match="before it began") as problem:
        _contract(24, end=FIRST + timedelta(days=23))
    assert _code(problem) == "end-early"


def test_another_currency_is_refused() -> None:
    with pytest.raises(Invalid, match="another currency") as problem:
        value(_contract(price=money(900, "USD")), Terms("JPY", months=Decimal(24), by_success_days=False), Past())
    assert _code(problem) == "other-currency"
    with pytest.raises(Invalid):
        money(1, "XXX")
    with pytest.raises(Invalid, match="more digits"):
        money(Decimal("0.5"), "JPY")


@pytest.mark.parametrize("missing", ["price", "months", "success_days"])
def test_what_no_past_contract_says_must_be_entered(missing: str) -> None:
    terms = Terms(
        "JPY",
        months=None if missing == "months" else Decimal(24),
        success_days=None if missing == "success_days" else Decimal(25),
    )
    with pytest.raises(Invalid) as problem:
        value(_contract(price=None if missing == "price" else YEN), terms, Past())
    assert _code(problem) == f"no-past-{missing}"


@given(st.lists(st.tuples(days, st.integers(0, 400), st.integers(0, 10**9), st.none() | st.integers(0, 2000))))
def test_sums_forget_a_contract_entirely(made: list[tuple[date, int, int, int | None]]) -> None:
    contracts = [
        Contract(
            first,
            first + timedelta(days=taken),
            Money(price, "JPY"),
            None if lasted is None else first + timedelta(days=taken + lasted),
        )
        for first, taken, price, lasted in made
    ]
    past = Past()
    for one in contracts:
        past = past.plus(one)
    for one in reversed(contracts):
        past = past.minus(one)
    assert past == Past()


@given(days, st.integers(0, 3000), st.integers(0, 3000))
def test_who_stays_longer_paid_no_less(start: date, lasted: int, longer: int) -> None:
    until, later = start + timedelta(days=lasted), start + timedelta(days=lasted + longer)
    assert 0 <= months_paid(start, until) <= months_paid(start, later)
