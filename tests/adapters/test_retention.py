"""The end of retention, kind by kind: what names people goes, what took place stays, and a hold keeps it all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cti_adapters.storage import audit_reading, retention
from cti_adapters.storage.forgetting import GONE
from cti_adapters.storage.schema import audit, calls, history, mails, sights
from cti_adapters.storage.schema_compliance import coverage
from cti_adapters.storage.schema_phases import deal_answers, deals
from cti_adapters.storage.schema_usage import usage_readings
from cti_adapters.storage.work import writing
from cti_server.calls.log import FORGOTTEN
from cti_server.compliance.desk import ComplianceDesk
from cti_server.compliance.erasing import proof
from cti_server.settings import RetentionSettings, Settings
from tests.adapters.leak_world import World
from tests.adapters.test_erasing import ONE, alone

PROVE = partial(proof, b"k" * 32)
LATER = 40 * 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.office.clock.at += LATER
    yield made
    made.office.database.close()


def run(world: World, only_look: bool = False, **days: int) -> dict[str, int]:
    settings = RetentionSettings(**{"usage_days": 400, **days})
    engine = writing(world.office.database.engine)
    return dict(retention.run(engine, world.office.clock, settings, PROVE, only_look=only_look))


def count(world: World, table: Any, *where: Any) -> int:
    with world.office.database.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def done_all(world: World) -> None:
    """No call is open any more, and no deal."""
    with writing(world.office.database.engine).begin() as connection:
        connection.execute(update(calls).values(open=False))
        connection.execute(update(deals).values(state="won", closed_at=world.office.clock.at - LATER))


def test_nothing_ends_unless_it_is_set(world: World) -> None:
    assert run(world) == {"usage": 0}
    assert count(world, calls, calls.c.party_e164.is_not(None))


def test_who_calls_were_with_goes_and_that_they_took_place_stays(world: World) -> None:
    done_all(world)
    total, stands = count(world, calls), count(world, coverage)
    assert run(world, only_look=True, call_days=30)["calls"] == total
    assert count(world, calls, calls.c.party_e164.is_not(None)), "looking changes nothing"
    assert run(world, call_days=30)["calls"] == total
    assert count(world, calls) == total and count(world, coverage) == stands
    assert count(world, calls, calls.c.party_e164.is_not(None)) == 0
    assert count(world, sights, sights.c.customer_code.is_not(None)) == 0
    with world.office.database.engine.connect() as connection:
        assert all(FORGOTTEN in row.marks for row in connection.execute(select(calls.c.marks)))
    assert run(world, call_days=30)["calls"] == 0, "once"
    assert run(world, call_days=50)["calls"] == 0
    assert audit_reading.verify(world.office.database).good


def test_what_is_open_or_younger_stays(world: World) -> None:
    still = count(world, calls, calls.c.open.is_(True), calls.c.party_e164.is_not(None))
    assert still
    run(world, call_days=30)
    assert count(world, calls, calls.c.party_e164.is_not(None)) >= still
    assert run(world, call_days=60)["calls"] == 0


def test_notes_mails_deals_and_readings_end(world: World) -> None:
    done_all(world)
    with writing(world.office.database.engine).begin() as connection:
        connection.execute(update(mails).values(state="sent"))
    noted = count(world, history, history.c.note != "")
    ended = run(world, note_days=30, mail_days=30, deal_days=30, usage_days=30)
    assert ended["notes"] == noted and ended["mails"] and ended["deals"] and ended["usage"]
    assert count(world, history, history.c.note == GONE) == noted, "that there was a note stays: a rule may ask for it"
    assert count(world, mails, mails.c.mail_to != "") == 0 and count(world, mails)
    assert count(world, deal_answers) == 0 and count(world, deals, deals.c.worth.is_not(None))
    assert count(world, usage_readings) == 0
    with world.office.database.engine.connect() as connection:
        told = connection.execute(select(audit.c.detail).where(audit.c.act == "retention ended")).scalars().all()
    assert {one["kind"]: one["ended"] for one in told} == {kind: n for kind, n in ended.items() if n}


def test_a_hold_keeps_everything_of_a_customer(world: World) -> None:
    done_all(world)
    one = alone(world)
    theirs = count(world, sights, sights.c.customer_code == one.code)
    with world.office.database.open(ONE.scope) as work:
        ComplianceDesk(work, ONE, world.office.clock).hold(one.code, "a lawsuit")
    run(world, call_days=30, note_days=30, mail_days=30, deal_days=30, usage_days=30)
    assert count(world, sights, sights.c.customer_code == one.code) == theirs
    assert count(world, calls, calls.c.party_e164 == one.number)
    assert count(world, usage_readings, usage_readings.c.customer_code == one.code)
    of_one = select(deals.c.id).where(deals.c.customer_code == one.code)
    assert count(world, deal_answers, deal_answers.c.deal_id.in_(of_one))


def test_calls_are_forgotten_no_sooner_than_their_journal() -> None:
    with pytest.raises(ValueError, match="keep_days"):
        Settings.model_validate({"retention": {"call_days": 30}, "journal": {"keep_days": 90}})
    assert Settings.model_validate({"retention": {"call_days": 90}, "journal": {"keep_days": 90}})
