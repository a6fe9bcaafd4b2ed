"""Whose telephone an extension is: own, shared, taken for the day; and what that makes of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.holders import Holders
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.identity import seating
from cti_server.identity.telephone_ports import Wanted
from cti_server.identity.telephones import Telephones, state_of
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.notices import CallChanged
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Viewer
from tests.adapters.storage_rig import NOW, CheapHasher, FixedClock, inbound, make_database, put

HOUR = 3600.0


class Firm:
    """A database with two exchanges; ``hq`` of branch 121 has 2001 to 2003, and 2004, which is nobody's."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.clock = FixedClock()
        self.people = accounts(self.database, self.clock, hasher=CheapHasher())
        put(
            self.database,
            mapping.Exchange(id="hq", name="HQ", branch="121"),
            mapping.Exchange(id="yokohama", name="Yokohama", branch="122"),
            mapping.Extension(exchange="hq", extension="2004", user=None),
            mapping.Extension(exchange="yokohama", extension="2001", user=None),
            mapping.User(id="900", login="900", name="admin", branch="122", role="PBX administrator"),
        )

    @contextmanager
    def of(self, user: str) -> Iterator[Telephones]:
        who = self.people.viewer(user)
        with self.database.open(who.scope) as work:
            yield Telephones(work.telephones, who, self.clock)

    def take(self, user: str, extension: str, until: float | None = None) -> None:
        with self.of(user) as telephones:
            telephones.take("hq", extension, until)

    def leave(self, user: str) -> None:
        with self.of(user) as telephones:
            telephones.leave()

    def put(self, extension: str, user: str | None, *, shared: bool = False, new: bool = False) -> None:
        with self.of("900") as telephones:
            telephones.put("hq", extension, user, shared, new=new)

    def holder(self, extension: str, at: float | None = None) -> str | None:
        moment = self.clock.now() if at is None else at
        with self.database.engine.connect() as connection:
            return Holders(connection, "hq", [extension], moment).at(extension, moment)

    def told(self) -> list[dict[str, Any]]:
        with self.database.open(EVERYTHING) as work:
            rows = work.session.scalars(select(mapping.Outbox).where(mapping.Outbox.kind == "seat"))
            return [row.body for row in rows]

    def acts(self) -> list[str]:
        with self.database.open(EVERYTHING) as work:
            query = (
                select(mapping.Audit.act).where(mapping.Audit.subject_kind == "extension").order_by(mapping.Audit.id)
            )
            return list(work.session.scalars(query))

    def viewer(self, user: str) -> Viewer:
        return self.people.viewer(user)

    def write(self, *logs: CallLog) -> list[CallChanged]:
        writer = CallWriter(self.database.engine, self.clock)
        place = Position(0, 0)
        found = writer.commit("hq", list(logs), [], [], place, place)
        return [one for one in found if isinstance(one, CallChanged)]

    def receiver(self, log: CallLog) -> str | None:
        with self.database.open(EVERYTHING) as work:
            row = work.session.get(mapping.Call, log.id)
            assert row is not None
            return row.receiver


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


# --- taking one for the day


def test_who_takes_a_telephone_has_its_calls_until_they_leave(firm: Firm) -> None:
    firm.take("801", "2004")
    assert firm.holder("2004") == "801"
    assert firm.viewer("801").extensions == (("hq", "2004"), ("hq", "2001"))
    firm.clock.at += HOUR
    firm.leave("801")
    assert firm.holder("2004") is None and firm.holder("2004", NOW + 60) == "801"
    assert firm.viewer("801").extensions == (("hq", "2001"),)
    assert [body["holder"] for body in firm.told()] == ["801", None]
    assert firm.acts() == ["seat-taken", "seat-ended"]


def test_a_colleagues_telephone_is_theirs_again_when_the_hour_has_come(firm: Firm) -> None:
    firm.take("801", "2002", NOW + HOUR)
    assert firm.holder("2002") == "801"
    assert firm.viewer("802").extensions == ()
    assert firm.told()[0]["users"] == ["801", "802"]
    firm.clock.at += HOUR
    assert firm.holder("2002") == "802" and firm.holder("2002", NOW + HOUR - 1) == "801"
    with firm.database.open(EVERYTHING) as work:
        assert seating.hours_come(work.telephones, firm.clock.now())
        assert not seating.hours_come(work.telephones, firm.clock.now())
    assert firm.told()[-1] | {"exchange": ""} == {
        "exchange": "",
        "extension": "2002",
        "holder": "802",
        "users": ["801", "802"],
        "why": "time",
        "by": None,
    }


def test_somebody_else_takes_it_and_both_are_told(firm: Firm) -> None:
    firm.take("801", "2004")
    firm.take("802", "2004")
    assert firm.holder("2004") == "802"
    last = firm.told()[-1]
    assert (last["users"], last["why"], last["by"], last["holder"]) == (["801", "802"], "taken", "802", "802")
    firm.leave("801")  # sits nowhere any more
    assert firm.holder("2004") == "802"


def test_the_owner_takes_their_own_back(firm: Firm) -> None:
    firm.take("801", "2002")
    firm.take("802", "2002")
    assert firm.holder("2002") == "802" and firm.viewer("801").extensions == (("hq", "2001"),)
    with pytest.raises(Invalid, match="yours anyway"):
        firm.take("802", "2002")


def test_who_sits_down_elsewhere_leaves_the_first(firm: Firm) -> None:
    firm.take("801", "2004")
    firm.take("801", "2002")
    assert (firm.holder("2004"), firm.holder("2002")) == (None, "801")


def test_signing_out_ends_what_was_to_last_until_then_and_no_more(firm: Firm) -> None:
    firm.people.set_password("801", "correct horse")
    for until, after in ((None, None), (NOW + HOUR, "801")):
        firm.take("801", "2004", until)
        token = firm.people.sign_in("801", "correct horse", "a")
        firm.people.sign_out(token)
        assert firm.holder("2004") == after
    firm.people.set_active("801", False)
    assert firm.holder("2004") is None


def test_without_an_hour_it_is_over_at_midnight(firm: Firm) -> None:
    firm.take("801", "2004")
    firm.clock.at += 86_400
    assert firm.holder("2004") is None
    firm.take("802", "2004")  # though nobody wrote the end down
    assert firm.holder("2004") == "802"


@pytest.mark.parametrize(
    ("extension", "until", "error", "says"),
    [
        ("2009", None, NotFound, "ask whoever looks after the exchanges"),
        ("2001", None, Invalid, "yours anyway"),
        ("2004", NOW - 1, Invalid, "within the next 24"),
        ("2004", NOW + 90_000, Invalid, "within the next 24"),
    ],
)
def test_what_cant_be_taken_says_why(
    firm: Firm, extension: str, until: float | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        firm.take("801", extension, until)


def test_a_shared_telephone_is_taken_by_nobody(firm: Firm) -> None:
    firm.take("801", "2004")
    firm.put("2004", None, shared=True)
    assert firm.holder("2004") is None and firm.told()[-2]["why"] == "shared"
    with pytest.raises(Invalid, match="shared telephone"):
        firm.take("801", "2004")


def test_nobody_sits_down_beyond_their_branch(firm: Firm) -> None:
    with firm.of("801") as telephones, pytest.raises(NotFound):
        telephones.take("yokohama", "2001")
    with firm.of("803") as telephones:
        telephones.take("yokohama", "2001")
    with firm.of("900") as telephones, pytest.raises(NotAllowed):
        telephones.take("hq", "2004")


# --- looking after them


def test_an_administrator_sees_who_sits_where_and_who_sat_there(firm: Firm) -> None:
    firm.take("801", "2004", NOW + HOUR)
    with firm.of("900") as telephones:
        rows = telephones.listed(Wanted(kind="seated")).rows
        assert [(one.extension, one.seat.user, one.name("801")) for one in rows if one.seat] == [
            ("2004", "801", "name 801")
        ]
        telephones.end("hq", "2004")
        with pytest.raises(Invalid, match="Nobody sits"):
            telephones.end("hq", "2004")
        seats, names = telephones.past("hq", "2004")
    assert [(one.user, one.since, one.over, one.ended_why, one.ended_by) for one in seats] == [
        ("801", NOW, NOW, "administrator", "900")
    ]
    assert names == {"801": "name 801", "900": "admin"}


def test_lists_go_on_page_by_page_and_find_by_extension_and_name(firm: Firm) -> None:
    with firm.of("900") as telephones:
        found, after = [], None
        while True:
            page = telephones.listed(Wanted(), after, 2)
            found += [(one.exchange, one.extension, one.kind) for one in page.rows]
            after = page.next
            if after is None:
                break
        assert found == [
            *(("hq", one, "own") for one in ("2001", "2002", "2003")),
            ("hq", "2004", "free"),
            ("yokohama", "2001", "free"),
        ]
        assert [one.extension for one in telephones.listed(Wanted(text="me 802")).rows] == ["2002"]
        assert [one.extension for one in telephones.listed(Wanted(text="200", exchange="yokohama")).rows] == ["2001"]
        assert [one.extension for one in telephones.listed(Wanted(kind="free", exchange="hq")).rows] == ["2004"]


def test_a_plan_says_what_would_change_and_a_stale_form_is_a_conflict(firm: Firm) -> None:
    with firm.of("900") as telephones:
        plan = telephones.plan("hq", "2002", "803", False, new=False)
        assert plan.now is not None and plan.user is not None
        assert (plan.now.name(plan.now.telephone.user), plan.user.name, plan.changes) == ("name 802", "name 803", True)
        seen = state_of(plan.now.telephone)
    firm.put("2002", "801")
    with firm.of("900") as telephones, pytest.raises(Conflict):
        telephones.put("hq", "2002", "803", False, new=False, seen=seen)
    assert firm.holder("2002") == "801"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("2002", "801", False, True), r"that of user 802 \(name 802\), so that it can't be that of user 801"),
        (("2004", "801", False, True), "entered already"),
        (("20 04", None, False, True), "up to 12 digits"),
        (("2005", "nobody", False, True), "no such user"),
        (("2005", "801", True, True), "nobody's; leave the user empty"),
    ],
)
def test_what_cant_be_entered_is_a_sentence(firm: Firm, change: tuple[Any, ...], says: str) -> None:
    extension, user, shared, new = change
    with firm.of("900") as telephones, pytest.raises(Invalid, match=says):
        telephones.put("hq", extension, user, shared, new=new)


def test_extensions_that_rang_and_nobody_entered_are_offered(firm: Firm) -> None:
    firm.write(
        inbound(1, "0312345678", at=NOW - 300, rang_extensions=["2001", "2008"]),
        inbound(2, "0312345678", at=NOW - 200, rang_extensions=["2009"]),
        inbound(3, "0312345678", at=NOW - 9 * 86_400, rang_extensions=["2010"]),
    )
    with firm.of("900") as telephones:
        assert [(one.extension, one.at) for one in telephones.unknown()] == [("2009", NOW - 200), ("2008", NOW - 300)]
    firm.put("2009", None, new=True)
    with firm.of("900") as telephones:
        assert [one.extension for one in telephones.unknown()] == ["2008"]


# --- calls


def test_a_call_stays_with_who_sat_there_when_it_was_answered(firm: Firm) -> None:
    talking = inbound(1, "0312345678", at=NOW, taker="2004", state="talking", talking_extension="2004", ended_at=None)
    talking.answered_at = NOW + 5
    firm.take("801", "2004", NOW + 60)
    firm.write(talking)
    firm.clock.at += HOUR
    firm.take("802", "2004")
    late = inbound(2, "0312345678", at=NOW, taker="2004")
    late.answered_at = NOW + 6  # comes only now, from the exchange's own record
    notices = firm.write(inbound(1, "0312345678", at=NOW, taker="2004"), late)
    assert (firm.receiver(talking), firm.receiver(late)) == ("801", "801")
    assert all(one.receiver is None for one in notices)


def test_whose_telephone_rings_is_who_sits_there_now(firm: Firm) -> None:
    firm.take("801", "2002")
    [notice] = firm.write(
        inbound(1, "0312345678", at=NOW, state="ringing", ringing_extensions=["2002", "2003", "2004"], ended_at=None)
    )
    assert set(notice.ringing) == {"801", "803"}
    handed = notice.handed("2002", "802").handed("2004", "801").handed("2003", None)
    assert set(handed.ringing) == {"801", "802"}


# --- at each moment at most one holder, and what was is not changed by what comes

USERS = ("801", "802", "803")
EXTENSIONS = ("2001", "2002", "2004")
STEPS: dict[str, Callable[[Firm, str, str], None]] = {
    "takes": lambda firm, user, extension: firm.take(user, extension),
    "takes for an hour": lambda firm, user, extension: firm.take(user, extension, firm.clock.now() + HOUR),
    "leaves": lambda firm, user, _extension: firm.leave(user),
    "gets": lambda firm, user, extension: firm.put(extension, user),
    "shared": lambda firm, _user, extension: firm.put(extension, None, shared=True),
    "free": lambda firm, _user, extension: firm.put(extension, None),
    "out": lambda firm, user, _extension: firm.people.end_sessions(user) and None,
}
steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)),
        st.sampled_from(USERS),
        st.sampled_from(EXTENSIONS),
        st.sampled_from([1, 1800, 4000]),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=12, deadline=None)
@given(steps)
def test_at_each_moment_an_extension_has_at_most_one_holder_and_the_past_stays(
    taken: list[tuple[str, str, str, int]],
) -> None:
    with TemporaryDirectory() as folder:
        firm = Firm(Path(folder))
        known: dict[tuple[str, float], str | None] = {}
        for what, user, extension, seconds in taken:
            try:
                STEPS[what](firm, user, extension)
            except (Invalid, NotFound):
                continue
            finally:
                firm.clock.at += seconds
            moment = firm.clock.now() - 0.5
            known |= {(one, moment): firm.holder(one, moment) for one in EXTENSIONS}
            sits = [one for one in EXTENSIONS if firm.holder(one, moment)]
            mine = {one: firm.viewer(one).extensions for one in USERS}
            for one in sits:
                now = firm.holder(one)
                assert [user for user in USERS if ("hq", one) in mine[user]] == ([now] if now else [])
        assert {key: firm.holder(*key) for key in known} == known
        with firm.database.open(EVERYTHING) as work:
            rows = list(work.session.scalars(select(mapping.Seat).where(mapping.Seat.day.is_(True))))
        spans = [(row.extension, row.user, row.since, min(row.until, row.ended_at or row.until)) for row in rows]
        for place, (extension, user, since, over) in enumerate(spans):
            for other in spans[:place]:
                if extension == other[0] or user == other[1]:
                    assert over <= other[2] or other[3] <= since
        firm.database.close()
