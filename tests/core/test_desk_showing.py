"""Masks: what of a call is shown to whom."""

from __future__ import annotations

import pytest

from cti_server.calls import numbers, showing
from cti_server.calls.log import CallLog
from cti_server.calls.ports import Colleague, SeenCall, Sighting, Sought
from cti_server.calls.showing import Names
from cti_server.shared.people import Customer
from cti_server.shared.scope import Label, Scope, Span
from tests.adapters.desk_rig import viewer

CUSTOMER = Customer("100101", "AA NNN", "121", "801", 1)
OTHER = Customer("100102", "BB MMM", "121", "802", 3)
NAMES = Names({}, {})
REP, TEAM, LOOKING = viewer("801"), viewer("700", "branch manager"), viewer("900", "compliance reviewer")


def log(**more: object) -> CallLog:
    values: dict[str, object] = {
        "id": "hq-1.1", "exchange": "hq", "branch": "121", "direction": "in", "state": "ended", "started_at": 0.0,
        "caller_number": "0312345678", "caller_name": "AA NNN", "dialed_number": "0399990000",
        "party_e164": "+81312345678",
        "presented_number": "+81312345678", "recording": "in-0312345678.wav", "transferred_to": ["2003", "09012345678"],
        "final_extension": "2003", "answered_by_number": "09012345678",
    }  # fmt: skip
    return CallLog(**(values | more))  # type: ignore[arg-type]


def seen(entry: CallLog, *customers: Customer, **more: object) -> SeenCall:
    sightings = [Sighting(one.label, "exact", one) for one in customers]
    if not customers:
        sightings = [Sighting(Label("unregistered", "121"), "none")]
    return SeenCall(entry, sightings, **more)  # type: ignore[arg-type]


def test_the_rep_in_charge_sees_the_number_and_the_team_does_not() -> None:
    call = seen(log(), CUSTOMER)
    assert showing.call_row(call, REP, NAMES).number == "03-1234-5678"
    row = showing.call_row(call, TEAM, NAMES)
    assert (row.number, row.number_masked, row.caller_name) == ("03-••••-5678", True, None)


def test_whoever_took_the_call_sees_the_number() -> None:
    assert not showing.call_row(seen(log(), CUSTOMER, receiver="700"), TEAM, NAMES).number_masked
    assert showing.call_row(seen(log(), CUSTOMER, receiver="900"), LOOKING, NAMES).number_masked


def test_unregistered_callers_are_whole_for_those_who_handle_them() -> None:
    assert showing.call_row(seen(log()), TEAM, NAMES).number == "03-1234-5678"
    row = showing.call_row(seen(log()), LOOKING, NAMES)
    assert (row.number, row.caller_name) == ("03-••••-5678", None)


OUTBOUND = {"direction": "out", "caller_number": "2001", "caller_name": "Yamada", "dialed_number": "0312345678"}


def test_an_outbound_call_hides_what_was_dialled() -> None:
    row = showing.call_row(seen(log(**OUTBOUND), CUSTOMER), TEAM, NAMES)
    assert (row.number, row.dialed_number, row.extension) == ("03-••••-5678", "03••••5678", "2003")
    assert showing.call_row(seen(log(**OUTBOUND), CUSTOMER), REP, NAMES).dialed_number == "0312345678"


@pytest.mark.parametrize(
    "entry", [log(), log(**OUTBOUND), log(direction="internal", caller_number="2001", caller_name=None)]
)
def test_the_full_entry_is_blanked_wherever_a_number_may_stand(entry: CallLog) -> None:
    text = repr(showing.blanked(entry))
    assert not [one for one in ("1234567", "1234-5678", "9012345", "AA NNN", ".wav") if one in text]
    assert "'2003'" in text  # our own extensions are no secret
    assert ("0399990000" in text) is (entry.direction != "out")  # nor is the number that was called


def test_several_stand_until_one_is_picked() -> None:
    assert showing.attached(seen(log(), CUSTOMER, OTHER)) is None
    assert showing.attached(seen(log(), CUSTOMER, OTHER, picked="100102")) is OTHER
    assert showing.attached(seen(log(), CUSTOMER)) is CUSTOMER
    assert showing.attached(seen(log(), CUSTOMER, picked="100999")) is CUSTOMER  # somebody whom the viewer can't see
    guess = SeenCall(log(), [Sighting(CUSTOMER.label, "probable", CUSTOMER)])
    assert showing.attached(guess) is None


def test_a_colleague_is_named_only_where_they_could_see_the_same_candidate() -> None:
    other = Colleague("802", "Suzuki", "121", "", Scope("802", "121", Span.OWN, frozenset({1, 2, 3}), may_handle=True))
    names = Names({}, {"802": other})
    handled = {"handled": True, "handled_by": "802", "handled_at": 1.0}
    assert showing.call_row(seen(log(), CUSTOMER, **handled), REP, names).handled_by_name == ""
    assert showing.call_row(seen(log(), OTHER, **handled), TEAM, names).handled_by_name == "Suzuki"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("03-1234-5678", Sought("+81312345678")),
        ("０３（１２３４）５６７８", Sought("+81312345678")),
        ("+44 20 7946 0123", Sought("+442079460123")),
        ("5678", Sought(last="5678")),
        ("345678", Sought(last="345678")),
        ("678", None),
        ("渡辺 5678", None),
        ("", None),
    ],
)
def test_what_is_looked_for(text: str, found: Sought | None) -> None:
    assert numbers.sought(text) == found
