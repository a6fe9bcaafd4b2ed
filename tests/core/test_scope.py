"""The one rule, spelled out (spec C4)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from cti_server.shared.scope import EVERYTHING, Label, Scope, Span


def scope(span: Span = Span.OWN, classes: set[int] | None = None, **more: Any) -> Scope:
    return Scope("801", "121", span, frozenset({1, 2, 3} if classes is None else classes), **more)


def customer(branch: str = "121", rep: str | None = "801", confidentiality: int = 3) -> Label:
    return Label("customer", branch, rep, confidentiality)


@pytest.mark.parametrize(
    ("span", "own", "colleagues", "other_branchs"),
    [(Span.OWN, True, False, False), (Span.BRANCH, True, True, False), (Span.ALL, True, True, True)],
)
def test_the_span_reaches_so_far(span: Span, own: bool, colleagues: bool, other_branchs: bool) -> None:
    viewer = scope(span)
    assert viewer.admits(customer()) is own
    assert viewer.admits(customer(rep="802")) is colleagues
    assert viewer.admits(customer("122", "803")) is other_branchs
    assert viewer.admits(customer("122", "801")) is True  # own customers of another branch


@pytest.mark.parametrize("span", Span)
@pytest.mark.parametrize("limit", [{1, 2, 3}, {2, 3}, {3}, set()])
def test_a_class_beyond_the_limit_is_nobodys_even_the_own_customers(span: Span, limit: set[int]) -> None:
    for confidentiality in (1, 2, 3):
        assert scope(span, limit).admits(customer(confidentiality=confidentiality)) is (confidentiality in limit)


@pytest.mark.parametrize("span", Span)
def test_unregistered_callers_take_the_authority_and_the_branch(span: Span) -> None:
    here, there = Label("unregistered", "121"), Label("unregistered", "122")
    assert not scope(span).admits(here)
    assert scope(span, unregistered=True).admits(here)
    assert scope(span, unregistered=True).admits(there) is (span is Span.ALL)
    assert scope(span, set(), unregistered=True).admits(here)


def test_internal_calls_are_those_who_dialled_or_their_branchs() -> None:
    mine, colleagues = Label("internal", "122", "801"), Label("internal", "121", "802")
    assert scope().admits(mine) and not scope().admits(colleagues)
    assert scope(Span.BRANCH).admits(colleagues)


def test_whoever_stands_in_sees_the_colleagues_own_customers_of_the_classes_of_both_and_nothing_else() -> None:
    viewer = scope(may_handle=True, stands_in=frozenset({("802", 2), ("802", 3)}))
    for branch in ("121", "122"):
        assert viewer.admits(customer(branch, "802", 3)) and viewer.needs_number(customer(branch, "802", 2))
        assert not viewer.admits(customer(branch, "802", 1))
        assert not viewer.admits(customer(branch, "803", 3))
        assert not viewer.admits(Label("internal", branch, "802")) and not viewer.admits(Label("unregistered", branch))
    assert viewer.absent == {"802"} and viewer.owns(customer(rep="802")) and not viewer.owns(customer(rep=None))


def test_only_who_works_on_it_needs_the_whole_number() -> None:
    for span, mine in product(Span, ("801", "802")):
        assert scope(span, may_handle=True).needs_number(customer(rep=mine)) is (mine == "801")
        assert not scope(span).needs_number(customer(rep=mine))
    assert scope(may_handle=True, unregistered=True).needs_number(Label("unregistered", "121"))
    assert not scope(unregistered=True).needs_number(Label("unregistered", "121"))


def test_the_servers_own_work_sees_everything() -> None:
    for label in (customer("x", None, 1), Label("unregistered", "x"), Label("internal", "x")):
        assert EVERYTHING.admits(label) and EVERYTHING.needs_number(label)
