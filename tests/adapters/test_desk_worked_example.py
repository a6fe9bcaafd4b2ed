"""The worked example of spec/10, from the call writer to each user's desk (tests/stories plays it from the bytes)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_server.calls.views import CallQuery
from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer, with_scope
from tests.adapters.storage_rig import NOW, customer, inbound

CALLERS = {1: "0312340101", 2: "0312340102", 3: "0312340103", 4: "0451234106", 5: "0312340101", 6: "0312349999"}
REP, OTHER = viewer("801"), viewer("802")
BRANCH = with_scope("710", "121", Span.BRANCH, {1, 2, 3}, {"handle"})
BRANCH_AND_NOBODY = viewer("700", "branch manager")
NOT_CLASS_1 = with_scope("711", "121", Span.BRANCH, {2, 3}, {"handle", "unregistered"})
ELSEWHERE = viewer("803", branch="122")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.put(
        customer("100101", "+81312340101"),
        customer("100102", "+81312340102", rep="802"),
        customer("100103", "+81312340103", confidentiality=1),
        customer("100106", "+81451234106", rep="803", branch="122"),
    )
    office.rings(*(inbound(number, caller, at=NOW - 1000 + number) for number, caller in CALLERS.items()))
    return office


def seen(office: Office, who: Viewer) -> set[int]:
    with office.desk(who) as desk:
        return {int(row.id.rpartition(".")[2]) for row in desk.calls(CallQuery()).rows}


def test_who_sees_what(office: Office) -> None:
    assert seen(office, REP) == {1, 3, 5}
    assert seen(office, OTHER) == {2}
    assert seen(office, BRANCH) == {1, 2, 3, 5}
    assert seen(office, BRANCH_AND_NOBODY) == {1, 2, 3, 5, 6}
    assert seen(office, NOT_CLASS_1) == {1, 2, 5, 6}
    assert seen(office, ELSEWHERE) == {4}


def test_one_handled_two_open(office: Office) -> None:
    with office.desk(REP) as desk:
        assert (desk.counts(None, None).handled, desk.counts(None, None).open) == (0, 3)
        desk.handle([inbound(1, "x", at=NOW - 999).id])
    with office.desk(REP) as desk:
        work = desk.worklist()
        assert (work.counts.handled, work.counts.open) == (1, 2)
        assert sorted((row.latest.who[0].code, row.calls) for row in work.items) == [("100101", 1), ("100103", 1)]
    with office.desk(BRANCH) as desk:
        assert desk.counts(None, None).team == 3


def test_the_unregistered_caller(office: Office) -> None:
    call = inbound(6, "x", at=NOW - 994).id
    with pytest.raises(NotAllowed), office.desk(BRANCH) as desk:
        desk.unregistered()
    with office.desk(BRANCH_AND_NOBODY) as desk:
        assert [row.id for row in desk.unregistered().rows] == [call]
        desk.register(call, {"code": "100107", "name": "new", "rep": "801"})
    assert seen(office, REP) == {1, 3, 5, 6} and seen(office, BRANCH) == {1, 2, 3, 5, 6}
    with office.desk(REP) as desk:
        assert desk.counts(None, None).open == 4
