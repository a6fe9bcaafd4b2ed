"""Claims without a call: found when a record is made, explained by what becomes known later, settled by a reviewer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_adapters.storage import mapping
from cti_server.review.claims import Away, away_at, explains
from cti_server.review.desk import ReviewDesk
from cti_server.review.views import ClaimQuery, ClaimRow
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.feed import GapChange
from cti_server.shared.positions import Position
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound

NUMBER, OTHER = "+81312340000", "+81312349999"
WINDOW = 4 * 3600.0
ALL = ClaimQuery(0, NOW * 2, state="all")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.put(
        mapping.Exchange(id="hq", name="HQ", kind="ami", branch="121"),
        mapping.User(id="900", login="900", name="name 900", branch="122", role="compliance reviewer"),
        customer("100101", NUMBER),
        customer("100102", OTHER, rep="802", confidentiality=1),
    )
    return made


def reviewer() -> Viewer:
    return viewer("900", role="compliance reviewer", branch="122", extensions=())


def records(office: Office, code: str = "100101", channel: str = "phone", who: Viewer | None = None) -> int:
    with office.desk(who or viewer()) as desk:
        return desk.record(None, [], code, "contact", channel, "spoke", f"said {code}").id


def claims(office: Office, query: ClaimQuery = ALL, who: Viewer | None = None) -> list[ClaimRow]:
    seen = who or reviewer()
    with office.database.open(seen.scope) as work:
        return ReviewDesk(work, seen, office.clock).claims(query).rows


def states(office: Office) -> list[str]:
    return [one.state for one in claims(office)]


def blind(office: Office, since: float, until: float | None) -> None:
    position = Position(99, 0)
    office.writer.commit("hq", [], [], [GapChange(since, until, "closed")], position, position)


def test_a_record_of_a_call_that_no_exchange_saw_is_claimed(office: Office) -> None:
    records(office)
    (one,) = claims(office)
    assert (one.state, one.customer, one.by_name, one.note) == ("open", "100101", "name 801", "said 100101")


def test_mail_and_a_record_with_its_call_claim_nothing(office: Office) -> None:
    records(office, channel="mail")
    office.rings(inbound(1, NUMBER, at=NOW - WINDOW + 60, taker="2001"))
    records(office)
    assert claims(office) == []
    office.clock.at += 120  # the call is longer ago than the window now
    records(office)
    assert states(office) == ["open"]


def test_a_call_of_another_customer_explains_nothing(office: Office) -> None:
    office.rings(inbound(1, OTHER, at=NOW - 60, taker="2001"))
    records(office)
    assert states(office) == ["open"]


def test_a_call_that_is_recovered_later_settles_the_claim_by_itself(office: Office) -> None:
    records(office)
    log = inbound(1, NUMBER, at=NOW - 60, taker="2001")
    office.rings(log)
    (one,) = claims(office)
    assert (one.state, one.call_id) == ("explained", log.id)
    (entry,) = office.trail("claim explained")
    assert entry.customer_code == "100101" and entry.detail["call"] == log.id
    office.rings(log)
    assert states(office) == ["explained"]


def test_a_number_that_becomes_known_later_settles_it_too(office: Office) -> None:
    office.rings(inbound(1, "+818011112222", at=NOW - 60, taker="2001"))
    records(office)
    assert states(office) == ["open"]
    manager = replace(viewer("700", role="branch manager"), rights=frozenset({"handle", "customers", "unregistered"}))
    with office.desk(manager) as desk:
        seen = desk.customer("100101")
        desk.change_customer("100101", {"numbers": f"{seen.numbers[0][0]}\n080-1111-2222"}, seen.version)
    assert states(office) == ["explained"]


def test_an_exchange_that_was_away_is_told_whenever_it_becomes_known(office: Office) -> None:
    blind(office, NOW - 5 * 3600, NOW - 3 * 3600)
    records(office)
    (one,) = claims(office)
    assert (one.state, one.exchange, one.away_since, one.away_until) == ("away", "hq", NOW - 5 * 3600, NOW - 3 * 3600)
    office.clock.at += 86_400
    records(office)
    assert [one.state for one in claims(office)] == ["open", "away"]
    blind(office, NOW + 86_300, None)
    assert next((one.state, one.away_until) for one in claims(office)) == ("away", None)
    blind(office, NOW + 86_300, NOW + 86_500)
    assert claims(office)[0].away_until == NOW + 86_500 and claims(office)[1].away_since == NOW - 5 * 3600


def test_a_record_that_is_taken_back_claims_nothing(office: Office) -> None:
    history = records(office)
    with office.desk(viewer()) as desk:
        desk.undo_history(history)
    assert claims(office) == []


def test_a_reviewer_settles_one_with_a_reason_and_takes_it_back(office: Office) -> None:
    records(office)
    (one,) = claims(office)
    who = reviewer()
    with office.database.open(who.scope) as work:
        desk = ReviewDesk(work, who, office.clock)
        with pytest.raises(Invalid):
            desk.settle_claim(one.id, "  ")
        desk.settle_claim(one.id, "on the rep's mobile")
        with pytest.raises(Conflict):
            desk.settle_claim(one.id, "again")
    (one,) = claims(office)
    assert (one.state, one.reason, one.settled_by_name) == ("settled", "on the rep's mobile", "name 900")
    assert claims(office, ClaimQuery(0, NOW * 2)) == []
    with office.database.open(who.scope) as work:
        ReviewDesk(work, who, office.clock).unsettle_claim(one.id)
    assert states(office) == ["open"] and len(claims(office, ClaimQuery(0, NOW * 2))) == 1
    assert [row.user for row in office.trail("claim settled")] == ["900"]
    assert [row.user for row in office.trail("claim settling taken back")] == ["900"]


def test_claims_are_seen_by_whom_the_customer_is_and_follow_them(office: Office) -> None:
    manager = viewer("700", role="branch manager")
    records(office), records(office, "100102", who=manager)
    low = replace(reviewer(), scope=replace(reviewer().scope, classes=frozenset({2, 3})))
    assert [one.customer for one in claims(office, who=low)] == ["100101"]
    hidden = next(one for one in claims(office) if one.customer == "100102")
    with office.database.open(low.scope) as work, pytest.raises(NotFound):
        ReviewDesk(work, low, office.clock).settle_claim(hidden.id, "x")
    chief = replace(reviewer(), rights=frozenset({"customers"}))
    with office.desk(replace(chief, scope=replace(chief.scope, may_handle=True))) as desk:
        seen = desk.customer("100101")
        desk.change_customer("100101", {"confidentiality": "1"}, seen.version)
    assert claims(office, who=low) == []
    with office.database.open(viewer().scope) as work, pytest.raises(NotAllowed):
        ReviewDesk(work, viewer(), office.clock).claims(ALL)


def test_pages_of_claims_follow_each_other(office: Office) -> None:
    for _ in range(5):
        office.clock.at += 1
        records(office)
    who, found, cursor = reviewer(), list[int](), None
    with office.database.open(who.scope) as work:
        desk = ReviewDesk(work, who, office.clock)
        while True:
            listed = desk.claims(ALL, cursor, 2)
            found += [one.id for one in listed.rows]
            cursor = listed.next
            if cursor is None:
                break
        assert [one.id for one in ReviewDesk(work, who, office.clock).export_claims(ALL)] == found
    assert len(found) == 5 and found == sorted(found, reverse=True)
    assert office.trail("exported")[0].subject_id == "claims without a call"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1, 1e5))
def test_a_gap_hides_a_call_just_where_one_in_it_would_explain(
    at: float, since: float, length: float, window: float
) -> None:
    hidden = away_at(at, [Away("hq", since, since + length)], window) is not None
    nearest = min(max(at, since), since + length)
    assert hidden == explains(at, nearest, window) or abs(abs(nearest - at) - window) < 1e-6
