"""Who took a call at a telephone that several share: entered by hand, as a recorded correction."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_adapters.storage.schema import corrections
from cti_server.calls.log import CallLog
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound

REP, COLLEAGUE = viewer("801"), viewer("802", extensions=(("hq", "2002"),))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.put(mapping.Extension(exchange="hq", extension="2005", user=None, shared=True))
    office.put(customer("100101", "+81312345678"))
    return office


def taken_at(office: Office, extension: str, number: int = 1, caller: str = "0312345678") -> CallLog:
    log = inbound(number, caller, at=NOW - 600 - number, taker=extension)
    office.rings(log)
    return log


def test_a_shared_telephones_call_asks_who_took_it_until_somebody_says(office: Office) -> None:
    log = taken_at(office, "2005")
    with office.desk(REP) as desk:
        [row] = desk.calls(CallQuery()).rows
        assert (row.asks_who, row.receiver_name) == (True, "")
        assert desk.call(log.id).may_enter_receiver
        assert desk.receive(log.id, "802") is None
    with office.desk(REP) as desk:
        seen = desk.call(log.id)
        assert (seen.row.asks_who, seen.row.receiver_name, seen.receiver) == (False, "name 802", "802")
        assert ("received", "name 801") in [(step.kind, step.text) for step in seen.trail]
    with office.desk(COLLEAGUE) as desk:
        assert [one.extension for one in desk.worklist().taken] == ["2005"]
        with pytest.raises(NotFound):
            desk.call(log.id)


def test_it_is_a_recorded_correction_that_stays_and_can_be_taken_back(office: Office) -> None:
    log = taken_at(office, "2005")
    with office.desk(REP) as desk:
        desk.receive(log.id, "801")
    office.rings(log)  # whatever the exchange says again
    with office.desk(REP) as desk:
        assert desk.call(log.id).receiver == "801"
        assert desk.receive(log.id, None) == "801"
    with office.desk(REP) as desk:
        assert desk.call(log.id).row.asks_who
    with office.database.open(EVERYTHING) as work:
        kept = work.session.connection().execute(select(corrections).order_by(corrections.c.id)).all()
    assert [(row.call_id, row.by, row.what, row.fields) for row in kept] == [
        (log.id, "801", "changed", {"receiver": [None, "801"]}),
        (log.id, "801", "changed", {"receiver": ["801", None]}),
    ]
    assert len(office.trail("received")) == 2
    assert [body["calls"] for body in office.outbox("work")][-2:] == [[log.id], [log.id]]


def test_what_the_exchange_can_tell_is_not_entered_by_hand(office: Office) -> None:
    own, missed = taken_at(office, "2002"), inbound(9, "0312345678")
    office.rings(missed)
    shared = taken_at(office, "2005", 3)
    with office.desk(REP) as desk:
        assert not desk.call(own.id).may_enter_receiver and not desk.call(missed.id).may_enter_receiver
        with pytest.raises(Invalid, match="one person's"):
            desk.receive(own.id, "801")
        with pytest.raises(Invalid, match="Nobody of ours"):
            desk.receive(missed.id, "801")
        with pytest.raises(Invalid, match="no such colleague"):
            desk.receive(shared.id, "803")


def test_an_extension_that_nobody_entered_does_not_ask_but_may_be_told(office: Office) -> None:
    log = taken_at(office, "2077")
    with office.desk(REP) as desk:
        seen = desk.call(log.id)
        assert (seen.row.asks_who, seen.may_enter_receiver) == (False, True)


def test_who_only_looks_may_not_enter_it(office: Office) -> None:
    log = taken_at(office, "2005")
    with office.desk(viewer("600", "compliance reviewer")) as desk:
        seen = desk.call(log.id)
        assert seen.row.asks_who and not seen.may_enter_receiver
        with pytest.raises(NotAllowed):
            desk.receive(log.id, "801")
