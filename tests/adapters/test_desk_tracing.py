"""Why was there no pop-up? Each thing that can break on the way from the bytes to the screen is the first red light."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti_adapters.live.hub import Hub
from cti_adapters.storage import mapping
from cti_adapters.storage.deliveries import KEPT_DAYS, put_deliveries
from cti_adapters.storage.work import writing
from cti_server.calls.tracing import PopUpTrace
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import NotFound
from cti_server.shared.phone import Plan
from cti_server.shared.positions import Position
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer, with_scope
from tests.adapters.storage_rig import NOW, customer, inbound
from tests.adapters.test_hub import Screen, scope

NUMBER = "+81312340000"
AT = NOW - 30


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    hq = mapping.Exchange(id="hq", name="HQ", kind="ami", branch="121", state="up", since=NOW - 9e4)
    hq.connected_since, hq.last_event = NOW - 9e4, NOW
    made.put(hq, customer("100101", NUMBER, confidentiality=1))
    return made


def chief(**more: Any) -> Viewer:
    return with_scope("999", "121", Span.ALL, {1, 2, 3}, {"exchanges", "unregistered", "handle"}, **more)


def rings(office: Office, hub: Hub, caller: str | None = NUMBER, extension: str = "2001") -> str:
    """A call comes, and the screens are told of it."""
    log = inbound(1, caller, at=AT, state="ringing", ended_at=None, disposition=None)
    log.rang_extensions = log.ringing_extensions = [extension]
    log.ringing_at = AT
    position = Position(50, 0)
    for notice in office.writer.commit("hq", [log], [], [], position, position):
        hub.publish(notice)
    with writing(office.database.engine).begin() as connection:
        put_deliveries(connection, hub.deliveries.changed(), NOW)
    return log.id


def why(office: Office, call: str, user: str | None = None, who: Viewer | None = None) -> PopUpTrace:
    with office.desk(who or chief()) as desk:
        return desk.why("hq", call, user)


def lights(trace: PopUpTrace) -> dict[str, tuple[str, str]]:
    return {step.key: (step.light, step.code) for step in trace.steps}


@pytest.fixture
def hub(office: Office) -> Hub:
    return Hub(office.clock)


def red(trace: PopUpTrace) -> tuple[str, str] | None:
    step = trace.first_red
    return None if step is None else (step.key, step.code)


def test_a_call_that_popped_up_is_green_from_end_to_end(office: Office, hub: Hub) -> None:
    Screen(hub, scope("801", classes=frozenset({1, 2, 3})))
    trace = why(office, rings(office, hub))
    assert {light for light, _ in lights(trace).values()} == {"done"}
    times = [step.at for step in trace.steps if step.key not in ("link",) and step.at is not None]
    assert times == sorted(times) and times[-1] == NOW
    (person,) = trace.people
    assert (person.user, person.why, person.told_at, person.kind) == ("801", "rings", NOW, "call")
    assert trace.call is not None and [entry.subject_id for entry in office.trail("opened")] == [trace.call.id]


def test_no_screen_open(office: Office, hub: Hub) -> None:
    call = rings(office, hub)
    assert red(why(office, call)) == ("screen", "no-screen")
    Screen(hub, scope("801"))  # opened while it still rings
    with writing(office.database.engine).begin() as connection:
        put_deliveries(connection, hub.deliveries.changed(), NOW)
    assert lights(why(office, call))["written"] == ("partly", "late")


def test_a_screen_that_was_cut_off(office: Office) -> None:
    hub = Hub(office.clock, cap=10)
    screen = Screen(hub, scope("801"))
    screen.stream.pause()
    assert red(why(office, rings(office, hub))) == ("written", "cut-off")


def test_an_extension_that_is_nobodys(office: Office, hub: Hub) -> None:
    Screen(hub, scope("801"))
    assert red(why(office, rings(office, hub, extension="2999"))) == ("extension", "nobodys")


def test_who_took_the_telephone_for_the_day_is_named_and_a_shared_one_said_to_be_nobodys(
    office: Office, hub: Hub
) -> None:
    seat = {"exchange": "hq", "extension": "2001", "user": "802", "day": True, "since": NOW - 900}
    office.put(mapping.Seat(**seat, until=NOW + 900, at_sign_out=True, ended_why=""))
    trace = why(office, rings(office, hub))
    step = next(step for step in trace.steps if step.key == "extension")
    assert (step.light, step.code) == ("done", "seated")
    assert step.values == {"extensions": "2001", "name": "name 802", "since": NOW - 900}
    assert [(one.user, one.why) for one in trace.people] == [("802", "rings"), ("801", "rep")]
    office.put(mapping.Extension(exchange="hq", extension="2005", user=None, shared=True))
    with office.desk(chief()) as desk:
        dry = desk.dry_run("hq", NUMBER, Plan(area_code="03"), "2005")
    assert lights(dry)["extension"] == ("partly", "shared")


def test_a_class_beyond_the_limit_and_a_caller_nobody_may_see(office: Office, hub: Hub) -> None:
    office.put(mapping.Role(name="low", span="all", classes=[2, 3], rights=["handle"]))
    office.put(mapping.User(id="805", login="805", name="name 805", branch="121", role="low"))
    Screen(hub, scope("801"))
    call = rings(office, hub)
    assert red(why(office, call, "805")) == ("told", "refused-class")
    assert red(why(office, call, "803")) == ("told", "refused-span")


def test_unregistered_callers_take_the_authority(office: Office, hub: Hub) -> None:
    trace = why(office, rings(office, hub, "+81399990000"))
    assert lights(trace)["match"] == ("partly", "nobody") and red(trace) == ("told", "refused-unregistered")


def test_a_gap_and_what_could_not_be_read(office: Office) -> None:
    office.put(mapping.Gap(exchange="hq", started_at=NOW - 900, ended_at=NOW - 600, reason="closed"))
    office.put(
        mapping.UnreadableRow(exchange="hq", record=1, number=0, at=NOW - 300, reason="x", raw=b"", size=1),
    )
    with office.desk(chief()) as desk:
        assert red(desk.why_number("hq", NUMBER, NOW - 700)) == ("link", "blind")
        assert red(desk.why_number("hq", NUMBER, NOW - 300)) == ("read", "unread")
        assert red(desk.why_number("hq", NUMBER, NOW - 100)) == ("call", "no-call")


def test_a_hidden_candidate_and_who_was_told_of_it_are_not_shown(office: Office, hub: Hub) -> None:
    office.put(customer("100102", NUMBER, rep="803", branch="122", confidentiality=3))
    Screen(hub, scope("803", "122"))
    call = rings(office, hub)
    held = with_scope("700", "121", Span.BRANCH, {1, 2, 3}, {"exchanges"})
    assert "803" not in repr(why(office, call, who=held)) and "803" in repr(why(office, call))
    assert lights(why(office, call, who=held))["match"] == ("done", "exact")


def test_who_looks_after_the_exchanges_only_learns_of_no_caller(office: Office, hub: Hub) -> None:
    call = rings(office, hub)
    plain = viewer("902", "PBX administrator")
    with office.desk(plain) as desk:
        with pytest.raises(NotFound):
            desk.why("hq", call)
        known, unknown = (desk.why_number("hq", number, NOW) for number in (NUMBER, "+81399990000"))
        assert known == unknown and red(known) == ("call", "no-call")
        dry = [desk.dry_run("hq", number, Plan(), "2001") for number in ("0312340000", "0399990000")]
    assert lights(dry[0]) == lights(dry[1]) and dry[0].people == dry[1].people


def test_a_dry_run_says_what_would_happen_and_stores_nothing(office: Office) -> None:
    with office.desk(chief()) as desk:
        trace = desk.dry_run("hq", "03-1234-0000", Plan(), "2001")
        assert trace.dry and lights(trace)["match"] == ("done", "exact") and red(trace) is None
        assert [(one.user, one.why) for one in trace.people][:1] == [("801", "rings")]
        assert red(desk.dry_run("hq", "12", Plan(), "")) == ("number", "no-number")
        assert red(desk.dry_run("hq", "0312340000", Plan(), "2999")) == ("extension", "nobodys")
    with office.desk(chief()) as desk:
        assert desk.calls(CallQuery()).rows == []


def test_what_is_old_is_dropped(office: Office, hub: Hub) -> None:
    call = rings(office, hub)
    rest = [hub.deliveries.of("hq-2.2", NOW)]
    assert rest
    with writing(office.database.engine).begin() as connection:
        put_deliveries(connection, hub.deliveries.changed(), NOW + (KEPT_DAYS + 1) * 86_400)
    assert lights(why(office, call))["written"][0] == "unknown"
