"""Calls that are known from records, in the database: the same log, with nulls, completed while records come, and
nothing that pops up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from cti_adapters.storage import upgrading
from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.directory import Directory
from cti_adapters.storage.mapping import Call, Taken
from cti_adapters.storage.work import Database
from cti_server.calls.log import AWAITED, IN_PART, SETTLING, CallLog, Settled
from cti_server.shared.notices import WorkChanged
from cti_server.shared.people import CustomerNumber
from cti_server.shared.scope import EVERYTHING
from tests.adapters.storage_rig import NOW, inbound, outbound
from tests.adapters.test_call_writer import ANNA, E_ANNA, Rig


def recorded(log: CallLog, *marks: str, **more: object) -> CallLog:
    return replace(log, over_when_told=True, marks=list(marks), **more)  # type: ignore[arg-type]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_what_the_record_does_not_say_stays_null(rig: Rig) -> None:
    log = recorded(
        inbound(1, ANNA),
        direction=None,
        answered=None,
        disposition=None,
        ended_at=None,
        ring_seconds=None,
        wait_seconds=None,
        talk_seconds=None,
        hold_seconds=None,
    )
    rig.commit(log)
    assert as_log(rig.call(log)) == replace(log, over_when_told=False)
    assert rig.sights(log)[0][0] == "anna"
    assert rig.items() == []  # nobody knows whether she called


def test_a_call_whose_length_is_not_said_can_be_taken(rig: Rig) -> None:
    rig.commit(recorded(inbound(1, ANNA, taker="2001"), talk_seconds=None))
    assert [row.talk_seconds for row in rig.all(Taken)] == [None]


def test_it_is_told_to_lists_and_pops_up_nowhere(rig: Rig) -> None:
    fresh = recorded(inbound(1, ANNA, ended_at=NOW - 1))
    out = recorded(outbound(2, ANNA, ended_at=NOW - 1, answered=False))
    for log in (fresh, out):
        (told,) = rig.commit(log)
        assert isinstance(told, WorkChanged) and told.call_ids == (log.id,)
    assert rig.items() == [("c:anna", "missed", "open", 1)]


def test_later_records_complete_it_until_it_is_final(rig: Rig) -> None:
    first = recorded(inbound(1, ANNA), AWAITED)
    rig.commit(first)
    rig.commit(replace(first, answered=True, disposition="answered", answered_by_extension="2001", marks=[SETTLING]))
    last = replace(first, answered=True, disposition="answered", answered_by_extension="2001", marks=[])
    last.transferred_to = ["2002"]
    rig.commit(last)
    rig.commit(replace(last, transferred_to=["2003"]))
    assert rig.call(first).transferred_to == ["2002"]
    assert rig.call(first).receiver == "801"
    assert rig.items() == [("c:anna", "missed", "open", 1)]


def test_what_settles_is_final_and_told_to_nobody(rig: Rig) -> None:
    first = recorded(inbound(1, ANNA), IN_PART, SETTLING)
    rig.commit(first)
    assert rig.commit(settled=[Settled(first.id, [IN_PART]), Settled("hq-unknown", [])]) == []
    assert rig.call(first).marks == [IN_PART]
    rig.commit(replace(first, answered=True, marks=[SETTLING]))
    assert not rig.call(first).answered
    rig.commit(settled=[Settled(first.id, [])])  # what is final stays as it is
    assert rig.call(first).marks == [IN_PART]


@pytest.mark.parametrize("count", [1, 2, 8, 9, 64, 65, 500, 501])
def test_a_batch_of_any_size_knows_what_is_there(rig: Rig, count: int) -> None:
    first = [recorded(inbound(number, ANNA), SETTLING) for number in range(count)]
    rig.commit(*first)
    rig.commit(*(replace(log, transferred_to=["2002"], marks=[]) for log in first))
    rows = rig.all(Call)
    assert len(rows) == count and all(row.transferred_to == ["2002"] and row.version == 2 for row in rows)
    assert rig.items() == [("c:anna", "missed", "open", count)]


def test_a_number_that_is_shown_in_part_is_nobodys(rig: Rig) -> None:
    for shown in ("0311110001XX", "??11110001"):
        log = recorded(inbound(len(shown), ANNA), IN_PART, caller_number=shown, party_e164=None)
        rig.commit(log)
        assert rig.call(log).party_tail is None
        assert [(code, match) for code, _kind, _rep, match in rig.sights(log)] == [(None, "withheld")]


def test_a_number_that_is_registered_later_is_found_in_calls_without_direction(rig: Rig) -> None:
    log = recorded(inbound(1, "03-9999-0001"), direction=None)
    rig.commit(log)
    with rig.database.open(EVERYTHING) as work:
        Directory(work.session).add_number("anna", CustomerNumber("+81399990001", "03-9999-0001"), NOW)
    assert rig.call(log).customer_code == "anna"
    assert rig.call(log).party_e164 != E_ANNA


def test_a_database_with_calls_in_it_is_brought_up(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    with database.engine.execution_options(write=True).connect() as connection:
        config = upgrading.configuration()
        config.attributes["connection"] = connection
        upgrading.command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO calls (id, exchange, branch, direction, state, started_at, rang_extensions, "
                "attempted_extensions, ringing_extensions, transferred_to, linkedids, marks) "
                "VALUES ('hq-1', 'hq', '121', 'in', 'ended', 1.5, '[\"2001\"]', '[]', '[]', '[]', '[]', '[]')"
            )
        )
        connection.commit()
    database.upgrade()
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT id, answered, talk_seconds, rang_extensions FROM calls")).one()
    assert tuple(row) == ("hq-1", 0, 0.0, '["2001"]')
    assert Call.direction.property.columns[0].nullable
    database.close()
