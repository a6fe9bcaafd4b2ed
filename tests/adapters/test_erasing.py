"""Erasing a person: nothing of them is left anywhere, the trail stays whole, and calls are proven to have been."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cti_adapters.storage import audit_reading, forgetting
from cti_adapters.storage.columns import metadata
from cti_adapters.storage.correcting import correct
from cti_adapters.storage.schema import audit, calls, customers, items
from cti_adapters.storage.schema_compliance import coverage, standings
from cti_adapters.storage.schema_phases import phase_tallies
from cti_adapters.storage.work import writing
from cti_server.calls.log import FORGOTTEN
from cti_server.compliance.desk import ComplianceDesk
from cti_server.compliance.erasing import proof
from cti_server.phases.desk import PhaseDesk
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING, Span
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import viewer, with_scope
from tests.adapters.leak_world import Person, World

KEY = b"k" * 32
ONE = with_scope("990", "121", Span.ALL, {1, 2, 3}, {"audit", "unregistered", "handle"})
OTHER = replace(ONE, id="991", scope=replace(ONE.scope, user="991"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.office.database.open(EVERYTHING) as work:
        desk = PhaseDesk(work, made.chief, made.office.clock)
        for deal in made.deals.values():
            held = desk._deal(deal)
            if held.state == "open":
                work.deals.put(replace(held, state="won", closed_at=made.office.clock.now()))
    yield made
    made.office.database.close()


@contextmanager
def reviewing(world: World, who: Viewer = ONE) -> Iterator[ComplianceDesk]:
    with world.office.database.open(who.scope) as work:
        yield ComplianceDesk(work, who, world.office.clock)


def erased(world: World, one: Person) -> int:
    if one.code in world.erasures:
        asked = world.erasures[one.code]
    else:
        with reviewing(world) as desk:
            asked = desk.ask_erasure(one.code, "asked for it in a letter")
    with reviewing(world, OTHER) as desk:
        desk.erase(asked, partial(proof, KEY), True)
    world.office.database.empty_log()
    return asked


def everything(world: World) -> dict[str, str]:
    """Every table as text."""
    with world.office.database.engine.connect() as connection:
        return {
            table.name: json.dumps([[repr(value) for value in row] for row in connection.execute(select(table))])
            for table in metadata.sorted_tables
        }


def words_of(one: Person) -> list[str]:
    return [*one.words, one.number, one.number[-8:]]


def alone(world: World) -> Person:
    return world.people[0]


def count(world: World, table: Any, *where: Any) -> int:
    with world.office.database.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def test_nothing_of_an_erased_person_is_left_in_any_table_nor_in_the_file(world: World) -> None:
    one = alone(world)
    before = everything(world)
    assert any(word in text for word in words_of(one) for text in before.values()), "there is something to find"
    erased(world, one)
    left = {(name, word) for name, text in everything(world).items() for word in words_of(one) if word in text}
    assert left == set()
    raw = Path(str(world.office.database.url.database)).read_bytes()
    assert [word for word in one.words if word.encode() in raw] == []


def test_the_calls_are_still_there_and_their_proof_can_be_looked_up(world: World) -> None:
    one = alone(world)
    with world.office.database.engine.connect() as connection:
        theirs = connection.execute(select(calls).where(calls.c.party_e164 == one.number)).all()
    assert theirs
    total = count(world, calls)
    stood, counted = count(world, standings), count(world, coverage)
    erased(world, one)
    assert count(world, calls) == total
    assert (count(world, standings), count(world, coverage)) == (stood, counted), "coverage stays as it was"
    with world.office.database.engine.connect() as connection:
        for row in theirs:
            known = forgetting.proof_of(connection, row.id)
            assert known == (row.started_at, proof(KEY, row.id, row.started_at, one.number))
            assert known[1] != proof(KEY, row.id, row.started_at, "+81399999999")
            assert known[1] != proof(b"x" * 32, row.id, row.started_at, one.number), "without the key it says nothing"
            now = connection.execute(select(calls).where(calls.c.id == row.id)).one()
            assert FORGOTTEN in now.marks and now.party_e164 is None and not now.open
            assert (now.started_at, now.direction, now.exchange) == (row.started_at, row.direction, row.exchange)


def test_the_trail_stays_whole_and_tells_of_the_erasure(world: World) -> None:
    one = alone(world)
    entries = count(world, audit)
    erased(world, one)
    found = audit_reading.verify(world.office.database)
    assert found.good, found.findings
    assert count(world, audit) == entries + 2, "that it was asked for, and that it was done"
    with writing(world.office.database.engine).begin() as connection:
        places = connection.execute(select(audit.c.detail).where(audit.c.act == "erased")).scalar_one()["entries"]
        assert places and all(first <= last for _chain, first, last in places)


def test_who_shares_the_number_keeps_calls_and_number(world: World) -> None:
    one, other = world.household[0], world.household[1]
    with world.office.database.engine.connect() as connection:
        shared = connection.scalars(select(calls.c.id).where(calls.c.party_e164 == one.number)).all()
    erased(world, one)
    with world.office.database.engine.connect() as connection:
        rows = connection.execute(select(calls).where(calls.c.id.in_(shared))).all()
        assert all(row.party_e164 == other.number for row in rows)
    with world.office.desk(world.chief) as desk:
        seen = desk.call(shared[0])
        codes = [who.code for who in seen.row.who]
        assert other.code in codes and one.code not in codes
    text = everything(world)
    assert not [name for name, each in text.items() if any(word in each for word in one.words)]


def test_pages_of_what_is_left_say_what_it_is(world: World) -> None:
    one = alone(world)
    with world.office.database.engine.connect() as connection:
        call = connection.scalars(select(calls.c.id).where(calls.c.party_e164 == one.number)).first()
    assert call is not None
    erased(world, one)
    with world.office.desk(world.chief) as desk:
        seen = desk.call(call)
        assert FORGOTTEN in seen.row.marks and not seen.row.who
        assert desk.trail(call).call.row.id == call
        with pytest.raises(NotFound):
            desk.customer(one.code)
        for tab in ("open", "waiting", "team", "done"):
            desk.worklist(tab)
    with world.office.database.open(EVERYTHING) as work:
        phases = PhaseDesk(work, world.chief, world.office.clock)
        phases.overview()
        assert phases.deals_of(one.code) == []


def test_sums_of_phases_keep_what_was_done(world: World) -> None:
    with world.office.database.engine.connect() as connection:
        before = connection.execute(select(phase_tallies).order_by(*phase_tallies.primary_key)).all()
    erased(world, alone(world))
    with world.office.database.engine.connect() as connection:
        assert connection.execute(select(phase_tallies).order_by(*phase_tallies.primary_key)).all() == before


def test_a_journal_folded_again_brings_nobody_back(world: World) -> None:
    one = alone(world)
    with world.office.database.engine.connect() as connection:
        row = connection.execute(select(calls).where(calls.c.party_e164 == one.number)).first()
    assert row is not None
    was = dict(row._mapping)
    erased(world, one)
    with world.office.database.engine.connect() as connection:
        now = dict(connection.execute(select(calls).where(calls.c.id == row.id)).one()._mapping)
    engine = writing(world.office.database.engine)
    list(correct(engine, world.office.clock, row.exchange, [(row.id, "changed", now, was)], by="x", why="y"))
    assert count(world, calls, calls.c.party_e164 == one.number) == 0


def test_a_second_person_decides_and_a_hold_or_a_deal_stands_against_it(world: World) -> None:
    one, next_one = world.people[0], world.people[1]
    with reviewing(world) as desk:
        hold = desk.hold(one.code, "the supervisor asked")
        with pytest.raises(Conflict, match="hold"):
            desk.ask_erasure(one.code, "why not")
        with pytest.raises(Conflict, match="already"):
            desk.hold(one.code, "again")
        desk.end_hold(hold, "it is over")
        asked = desk.ask_erasure(one.code, "a letter")
        with pytest.raises(Conflict, match="asked for already"):
            desk.ask_erasure(one.code, "a letter")
        with pytest.raises(Invalid) as own:
            desk.erase(asked, partial(proof, KEY), True)
        assert own.value.code == "own-erasure"
    with reviewing(world, OTHER) as desk:
        desk.hold(one.code, "another one")
        with pytest.raises(Conflict, match="hold"):
            desk.erase(asked, partial(proof, KEY), True)
        with pytest.raises(NotFound):
            desk.ask_erasure("nobody", "x")
    with world.office.database.open(EVERYTHING) as work:
        phases = PhaseDesk(work, world.chief, world.office.clock)
        deal = phases._deal(world.deals[next_one.code])
        work.deals.put(replace(deal, state="open"))
    with reviewing(world) as desk, pytest.raises(Conflict, match="Deals"):
        desk.ask_erasure(next_one.code, "x")
    assert count(world, customers, customers.c.code == one.code) == 1


def test_erasures_and_holds_are_seen_as_their_customer_is(world: World) -> None:
    hidden = next(one for one in world.everyone if one.label.branch == "122" and one.label.rep != "801")
    here = with_scope("700", "121", Span.BRANCH, {1, 2, 3}, {"audit", "handle"})
    with reviewing(world) as desk:
        desk.hold(hidden.code, "for a lawsuit")
    with reviewing(world, here) as desk:
        assert hidden.code not in [one.customer for one in desk.holds()]
        with pytest.raises(NotFound):
            desk.ask_erasure(hidden.code, "x")
    with reviewing(world) as desk:
        desk.end_hold(next(one.id for one in desk.holds() if one.customer == hidden.code), "over")
    asked = erased(world, hidden)
    with reviewing(world, here) as desk:
        assert asked not in [one.id for one in desk.erasures("").rows]
    with reviewing(world) as desk:
        (done,) = desk.erasures("erased").rows
        assert (done.customer, done.name, done.reason) == ("", "", "") and done.calls
    with reviewing(world, viewer("801")) as desk, pytest.raises(NotAllowed):
        desk.erasures()


def test_what_was_to_be_done_for_them_is_done(world: World) -> None:
    one = alone(world)
    erased(world, one)
    assert count(world, items, items.c.key.like("e:%"), items.c.state != "done") == 0
    assert count(world, items, items.c.key == f"c:{one.code}") == 0
