from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.directory import Directory, Followed, numbers_of
from cti_adapters.storage.mapping import Call, Draft, History, Item, Sight
from cti_adapters.storage.mapping import Customer as Row
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.people import Customer, CustomerNumber
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING, Label, Scope, Span
from tests.adapters.storage_rig import NOW, PLAN, FixedClock, customer, inbound, make_database, outbound, put

NEW, OTHER = "03-2222-0001", "03-2222-0002"
E_NEW, E_OTHER = "+81322220001", "+81322220002"
REP = Scope("801", "121", Span.OWN, frozenset({1, 2, 3}), may_handle=True)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.writer = CallWriter(self.database.engine, FixedClock())
        self.place = 0

    def commit(self, *logs: CallLog) -> None:
        self.place += 1
        self.writer.commit("hq", list(logs), [], [], Position(self.place, 0), Position(self.place, 0))

    def do(self, what: Callable[[Directory], Any], scope: Scope = EVERYTHING) -> Any:
        with self.database.open(scope) as work:
            return what(Directory(work.session))

    def all(self, row: Any) -> list[Any]:
        with self.database.open(EVERYTHING) as work:
            return list(work.session.scalars(select(row)))

    def sights(self, log: CallLog) -> list[tuple[str | None, str, str, str | None, int | None]]:
        rows = sorted((row for row in self.all(Sight) if row.call_id == log.id), key=lambda row: row.rank)
        return [(row.customer_code, row.match, row.branch, row.rep, row.confidentiality) for row in rows]

    def items(self) -> list[tuple[str, str, str, int]]:
        return sorted((row.key, row.kind, row.state, row.calls) for row in self.all(Item))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def person(code: str = "new", *shown: str, **more: Any) -> Customer:
    values = {"name": "新田", "branch": "121", "rep": "801", "confidentiality": 2, "kana": "ニッタ"} | more
    return Customer(code=code, numbers=numbers_of(list(shown), PLAN), **values)


# --- registering


def test_a_customer_is_kept_as_given(rig: Rig) -> None:
    given = person("new", NEW, "090-1234-5678", address="東京", mail="a@b", language="en", notes="n", created_at=NOW)
    rig.do(lambda directory: directory.add(given))
    assert rig.do(lambda directory: directory.get("new")) == given
    assert [(number.e164, number.kind) for number in given.numbers] == [
        (E_NEW, "landline"),
        ("+819012345678", "mobile"),
    ]


def test_past_calls_find_their_customer_when_it_is_registered(rig: Rig) -> None:
    missed, other_branch = inbound(1, NEW), inbound(2, NEW, branch="122", taker="2001")
    outgoing, foreign = outbound(3, NEW), inbound(4, OTHER)
    rig.commit(missed, other_branch, outgoing, foreign, inbound(5, "anonymous"))
    followed: Followed = rig.do(lambda directory: directory.add(person("new", NEW)))
    for log in (missed, other_branch, outgoing):
        assert rig.sights(log) == [("new", "exact", "121", "801", 2)]
    assert rig.sights(foreign) == [(None, "none", "121", None, None)]
    calls = {row.id: (row.match, row.customer_code) for row in rig.all(Call)}
    assert calls[missed.id] == ("exact", "new") and calls[foreign.id] == ("none", None)
    assert set(followed.call_ids) == {missed.id, other_branch.id, outgoing.id}
    assert set(followed.labels) == {
        Label("customer", "121", "801", 2),
        Label("unregistered", "121"),
        Label("unregistered", "122"),
    }


def test_open_items_of_all_branches_become_the_customers_one_item(rig: Rig) -> None:
    rig.commit(inbound(1, NEW), inbound(2, NEW, at=NOW - 50, branch="122", taker="2001"), inbound(3, OTHER))
    rig.do(lambda directory: directory.add(person("new", NEW)))
    assert rig.items() == [("c:new", "missed", "open", 2), ("u:121:+81322220002", "unregistered", "open", 1)]
    item = next(row for row in rig.all(Item) if row.key == "c:new")
    assert item.customer_code == "new" and item.latest_at == NOW - 50
    mine = [row for row in rig.all(Call) if row.party_e164 == E_NEW]
    assert {row.item_id for row in mine} == {item.id}
    assert {row.item_id for row in rig.all(Sight) if row.customer_code == "new"} == {item.id}


def test_an_item_that_becomes_a_customers_joins_the_one_there_is(rig: Rig) -> None:
    put(rig.database, customer("new", E_OTHER))
    rig.commit(inbound(1, OTHER, taker="2001"), inbound(2, NEW))
    stranger = next(row for row in rig.all(Item) if row.kind == "unregistered")
    put(rig.database, History(item_id=stranger.id, kind="contact", channel="phone", at=NOW))
    put(rig.database, Draft(item_id=stranger.id, user="801", note="half", at=NOW))
    number = CustomerNumber(E_NEW, NEW)
    rig.do(lambda directory: directory.add_number("new", number, NOW))
    assert rig.items() == [("c:new", "missed", "open", 2)]
    assert [row.item_id for row in rig.all(History)] == [rig.all(Item)[0].id]
    rig.commit(inbound(3, NEW, at=NOW - 10))
    assert rig.items() == [("c:new", "missed", "open", 3)]


def test_a_guess_becomes_certain(rig: Rig) -> None:
    put(rig.database, customer("old", "+81622220001", rep="802"))
    log = inbound(1, NEW)
    rig.commit(log)
    assert [code for code, *_rest in rig.sights(log)] == ["old", None]
    rig.do(lambda directory: directory.add(person("new", NEW)))
    assert rig.sights(log) == [("new", "exact", "121", "801", 2)]


def test_calls_that_were_somebodys_stay_theirs(rig: Rig) -> None:
    put(rig.database, customer("old", E_NEW, rep="802"))
    log = inbound(1, NEW)
    rig.commit(log)
    rig.do(lambda directory: directory.add(person("new", NEW)))
    assert [code for code, *_rest in rig.sights(log)] == ["old"]
    rig.commit(inbound(2, NEW, at=NOW - 10))
    assert sorted(row.customer_code for row in rig.all(Sight) if row.started_at == NOW - 10) == ["new", "old"]


def test_handled_calls_stay_handled(rig: Rig) -> None:
    log = inbound(1, NEW)
    rig.commit(log, outbound(2, NEW))
    rig.do(lambda directory: directory.add(person("new", NEW)))
    row = next(row for row in rig.all(Sight) if row.call_id == log.id)
    assert (row.open, row.handled, row.customer_code) == (False, True, "new")
    assert [state for _key, _kind, state, _calls in rig.items()] == ["done"]


# --- changing


def test_a_customer_that_moves_takes_its_calls_along(rig: Rig) -> None:
    rig.do(lambda directory: directory.add(person("new", NEW)))
    log = inbound(1, NEW)
    rig.commit(log)

    def move(directory: Directory) -> Followed:
        one = directory.get("new")
        one.branch, one.rep, one.confidentiality = "122", "803", 1
        return directory.change(one, NOW)

    followed = rig.do(move)
    assert rig.sights(log) == [("new", "exact", "122", "803", 1)]
    assert [row.tier for row in rig.all(Sight)] == [1]
    assert followed.labels == (Label("customer", "121", "801", 2), Label("customer", "122", "803", 1))


def test_a_new_number_matches_past_calls_and_a_dropped_one_keeps_them(rig: Rig) -> None:
    rig.do(lambda directory: directory.add(person("new", OTHER)))
    log, known = inbound(1, NEW), inbound(2, OTHER)
    rig.commit(log, known)

    def renumber(directory: Directory) -> None:
        one = directory.get("new")
        one.numbers = numbers_of([NEW], PLAN)
        directory.change(one, NOW)

    rig.do(renumber)
    assert [code for code, *_rest in rig.sights(log)] == ["new"]
    assert [code for code, *_rest in rig.sights(known)] == ["new"]
    assert [number.e164 for number in rig.do(lambda directory: directory.get("new")).numbers] == [E_NEW]


def test_somebody_elses_version_is_a_conflict(rig: Rig) -> None:
    rig.do(lambda directory: directory.add(person()))
    first, second = (rig.do(lambda directory: directory.get("new")) for _ in range(2))
    first.name, second.name = "first", "second"
    rig.do(lambda directory: directory.change(first, NOW))
    with pytest.raises(Conflict, match="Somebody else"):
        rig.do(lambda directory: directory.change(second, NOW))
    assert rig.do(lambda directory: directory.get("new")).name == "first"


# --- what is refused


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": " "}, "code"),
        ({"code": "a\n"}, "code"),
        ({"name": ""}, "name"),
        ({"confidentiality": 4}, "confidentiality"),
        ({"branch": "999"}, "branch"),
        ({"rep": "nobody"}, "rep"),
        ({"code": "taken"}, "code"),
    ],
)
def test_what_can_t_be_taken_names_its_entry(rig: Rig, wrong: dict[str, Any], field: str) -> None:
    put(rig.database, customer("taken"))
    given = person()
    for name, value in wrong.items():
        setattr(given, name, value)
    with pytest.raises(Invalid) as refused:
        rig.do(lambda directory: directory.add(given))
    assert refused.value.field == field and refused.value.code
    assert [row.code for row in rig.all(Row)] == ["taken"]


@pytest.mark.parametrize("shown", ["110", "12-34", "abc", "非通知"])
def test_an_impossible_number_is_refused_by_name(shown: str) -> None:
    with pytest.raises(Invalid, match="no telephone number") as refused:
        numbers_of([NEW, shown], PLAN)
    assert shown in str(refused.value) and refused.value.field == "numbers"


def test_numbers_are_kept_once_and_in_order() -> None:
    made = numbers_of([OTHER, "+81322220001", "０３２２２２０００２"], PLAN)
    assert [(number.e164, number.shown) for number in made] == [(E_OTHER, OTHER), (E_NEW, "+81322220001")]


def test_a_user_writes_only_within_their_scope(rig: Rig) -> None:
    put(rig.database, customer("theirs", rep="802"))
    rig.do(lambda directory: directory.add(person()), REP)
    with pytest.raises(NotAllowed):
        rig.do(lambda directory: directory.add(person("b", rep="802")), REP)
    with pytest.raises(NotFound, match="theirs"):
        rig.do(lambda directory: directory.get("theirs"), REP)
    with pytest.raises(NotFound):
        rig.do(lambda directory: directory.add_number("theirs", CustomerNumber(E_NEW, NEW), NOW), REP)


def test_what_follows_reaches_beyond_the_users_scope(rig: Rig) -> None:
    """A rep registers a caller; the call of that number at another branch is the customer's too."""
    log = inbound(1, NEW, branch="122")
    rig.commit(log)
    rig.do(lambda directory: directory.add(person("new", NEW)), REP)
    assert rig.sights(log) == [("new", "exact", "121", "801", 2)]
