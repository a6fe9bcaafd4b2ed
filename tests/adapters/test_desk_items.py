"""The worklist and what is done with items."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound, outbound

REP, OTHER, MANAGER = viewer("801"), viewer("802"), viewer("700", "branch manager")
A, B, C = "+81311110001", "+81311110002", "+81311110003"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.put(customer("100101", A), customer("100102", B, rep="802"), customer("100103", C))
    return office


def calls_of(office: Office, who: object = REP) -> list[str]:
    with office.desk(who) as desk:  # type: ignore[arg-type]
        return [row.id for row in desk.calls(CallQuery()).rows]


def test_three_calls_of_one_caller_are_one_item(office: Office) -> None:
    office.rings(*(inbound(n, "0311110001", at=NOW - 600 + n) for n in (1, 2, 3)))
    with office.desk(REP) as desk:
        work = desk.worklist()
        assert [(row.calls, row.latest.started_at, row.kind) for row in work.items] == [(3, NOW - 597, "missed")]
        seen = desk.item(work.items[0].id)
    assert len(seen.calls) == 3 and seen.customer is not None and seen.customer.code == "100101"
    assert work.counts.open == 3 and work.counts.bell == 1


def test_handling_some_leaves_the_item_open_and_undo_brings_them_back(office: Office) -> None:
    office.rings(*(inbound(n, "0311110001", at=NOW - 600 + n) for n in (1, 2)))
    newest, oldest = calls_of(office)
    with office.desk(REP) as desk:
        desk.handle([newest])
        assert (desk.counts(None, None).handled, desk.counts(None, None).open) == (1, 1)
        assert [(row.calls, row.latest.id) for row in desk.worklist().items] == [(1, oldest)]
        desk.handle([oldest, newest])
    with office.desk(REP) as desk:
        assert desk.worklist().items == []
        done = desk.worklist("done").items
        assert [(row.calls, row.latest.handled_by_name) for row in done] == [(2, "name 801")]
        desk.reopen([newest])
        assert [row.latest.id for row in desk.worklist().items] == [newest]
        assert desk.worklist("done").items == []
    assert len(office.trail("handled")) == 2 and len(office.trail("reopened")) == 1


def test_a_reopened_item_joins_the_one_that_its_caller_has_by_now(office: Office) -> None:
    office.rings(inbound(1, "0311110001", at=NOW - 600))
    (old,) = calls_of(office)
    with office.desk(REP) as desk:
        desk.handle([old])
    office.rings(inbound(2, "0311110001", at=NOW - 100))
    with office.desk(REP) as desk:
        desk.reopen([old])
        (row,) = desk.worklist().items
        assert row.calls == 2


def test_a_record_handles_all_open_calls_and_can_be_taken_back(office: Office) -> None:
    office.rings(*(inbound(n, "0311110001", at=NOW - 600 + n) for n in (1, 2)))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        desk.save_note(item, "half a sen")
        assert desk.item(item).note_draft == "half a sen"
        row = desk.record(item, [], None, "contact", "phone", "spoke", "all is well")
        assert len(row.call_ids) == 2 and row.by_name == "name 801"
    with office.desk(REP) as desk:
        assert desk.item(item).note_draft == ""
        assert desk.customer("100101").history[0].note == "all is well"
        assert desk.counts(None, None).handled == 2
        office.clock.at += 599
        desk.undo_history(row.id)
        assert desk.counts(None, None).open == 2
        assert desk.customer("100101").history[0].undone


def test_a_record_is_for_good_after_a_while_and_only_its_author_takes_it_back(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        row = desk.record(desk.worklist().items[0].id, [], None, "contact", "phone", "spoke", "")
    with pytest.raises(NotAllowed), office.desk(MANAGER) as desk:
        desk.undo_history(row.id)
    with pytest.raises(NotFound), office.desk(OTHER) as desk:
        desk.undo_history(row.id)
    office.clock.at += 601
    with pytest.raises(Conflict, match="ten minutes"), office.desk(REP) as desk:
        desk.undo_history(row.id)


def test_what_a_record_says_is_checked(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        for field, values in {
            "kind": ("chat", "phone", "", ""),
            "channel": ("contact", "pigeon", "", ""),
            "result": ("contact", "phone", "x" * 201, ""),
            "note": ("contact", "phone", "", "x" * 10_001),
        }.items():
            with pytest.raises(Invalid) as bad:
                desk.record(item, [], None, *values)
            assert bad.value.field == field
        with pytest.raises(Invalid, match="which customer"):
            desk.record(None, [], None, "contact", "phone", "", "")
        with pytest.raises(NotFound):
            desk.record(item, [], "100102", "contact", "phone", "", "")
        with pytest.raises(Invalid, match="not from this customer"):
            desk.record(item, [], "100103", "contact", "phone", "", "")


def test_a_snoozed_item_comes_back_by_itself(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        with pytest.raises(Invalid, match="reason"):
            desk.snooze(item, NOW + 3600, "  ")
        with pytest.raises(Invalid, match="future"):
            desk.snooze(item, NOW, "later")
        desk.snooze(item, NOW + 3600, "in a meeting")
    with office.desk(REP) as desk:
        assert desk.worklist().items == [] and desk.counts(None, None).waiting == 1
        (row,) = desk.worklist("waiting").items
        assert (row.snoozed_until, row.snooze_reason) == (NOW + 3600, "in a meeting")
        office.clock.at += 3600
        (row,) = desk.worklist().items
        assert row.snoozed_until is None and desk.worklist("waiting").items == []
        office.clock.at -= 3600
        desk.unsnooze(item)
        assert [one.id for one in desk.worklist().items] == [item]


def test_an_item_is_handed_on_to_somebody_who_may_see_it(office: Office) -> None:
    office.put(
        mapping.User(id="805", login="805", name="name 805", branch="121", role="branch manager"),
        mapping.User(id="806", login="806", name="gone", branch="121", role="branch manager", active=False),
    )
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        assert {user for user, _name in desk.assignees(item)} == {"700", "805"}
        with pytest.raises(Invalid, match="may not see"):
            desk.hand_on(item, "802", "")
        desk.hand_on(item, "700", "please")
    with office.desk(REP) as desk:
        assert desk.worklist().items == [] and desk.worklist("team").items[0].assignee_name == "name 700"
    with office.desk(MANAGER) as desk:
        (row,) = desk.worklist().items
        assert row.kind == "handed"
        seen = desk.item(item)
        assert (seen.hand_note, seen.handed_by_name) == ("please", "name 801")
        assert desk.assignees(item)[0] == ("801", "name 801")  # the rep in charge stands first
    assert office.outbox("work")[-1]["users"] == ["700"]
    with office.desk(REP) as desk:
        desk.undo_hand_on(item)
        assert [one.id for one in desk.worklist().items] == [item]


def test_the_team_sees_what_is_not_theirs(office: Office) -> None:
    office.rings(inbound(1, "0311110001"), inbound(2, "0311110002"), inbound(3, "0399990000"))
    with office.desk(MANAGER) as desk:
        assert [row.kind for row in desk.worklist().items] == ["unregistered"]
        assert {row.latest.who[0].code for row in desk.worklist("team").items} == {"100101", "100102"}
        counts = desk.counts(None, None)
    assert (counts.open, counts.team) == (1, 2)


def test_a_number_of_several_customers_waits_for_a_pick(office: Office) -> None:
    office.put(customer("100201", "+81311110009"), customer("100202", "+81311110009", rep="802"))
    office.rings(inbound(1, "0311110009"))
    with office.desk(MANAGER) as desk:
        item = desk.worklist("team").items[0].id
        seen = desk.item(item)
        assert {one.code for one in seen.candidates} == {"100201", "100202"} and seen.customer is None
        assert seen.draft is None
        with pytest.raises(Invalid) as bad:
            desk.record(item, [], None, "contact", "phone", "spoke", "")
        assert bad.value.code == "pick-first"
        with pytest.raises(Invalid):
            desk.draft(item)
        desk.pick(item, "100202")
    with office.desk(MANAGER) as desk:
        picked = desk.item(item).customer
        assert picked is not None and (picked.code, picked.attached) == ("100202", True)
    with office.desk(REP) as desk:  # sees their own customer only, as if it were the only one
        alone = desk.item(item)
        assert [one.code for one in alone.candidates] == ["100201"]
        assert alone.customer is not None and alone.customer.attached
    with pytest.raises(NotFound), office.desk(REP) as desk:
        desk.pick(item, "100202")


def test_a_record_for_one_of_several_says_who_it_was(office: Office) -> None:
    office.put(customer("100201", "+81311110009"), customer("100202", "+81311110009"))
    office.rings(inbound(1, "0311110009"))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        desk.record(item, [], "100202", "contact", "phone", "spoke", "")
        assert [one.code for one in desk.calls(CallQuery()).rows[0].who if one.attached] == ["100202"]


def test_a_live_call_is_handled_while_it_lasts(office: Office) -> None:
    live = inbound(1, "0311110001", state="talking", ended_at=None, disposition=None, talking_extension="2001")
    office.rings(live)
    with office.desk(REP) as desk:
        assert [row.state for row in desk.live()] == ["talking"]
        desk.record(None, [live.id], None, "contact", "phone", "spoke", "")
    office.rings(inbound(1, "0311110001", taker="2001"))
    with office.desk(REP) as desk:
        assert desk.worklist().items == [] and desk.live() == []
        assert desk.call(live.id).history[0].result == "spoke"


def test_everybody_who_sees_the_call_is_told(office: Office) -> None:
    office.put(customer("100201", "+81311110009"), customer("100202", "+81311110009", rep="803", branch="122"))
    office.rings(inbound(1, "0311110009"))
    with office.desk(REP) as desk:
        desk.handle([desk.calls(CallQuery()).rows[0].id])
    labels = office.outbox("work")[-1]["labels"]
    assert sorted(labels) == [["customer", "121", "801", 3], ["customer", "122", "803", 3]]
    with office.desk(viewer("803", branch="122")) as desk:
        assert desk.worklist().items == []


def test_who_may_not_handle_is_refused(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    looking = viewer("900", "compliance reviewer")
    with office.desk(looking) as desk:
        (row,) = desk.worklist("team").items
        seen = desk.item(row.id)
        assert (seen.may_handle, seen.can_dial, seen.dial_uri, seen.draft) == (False, False, "", None)
        assert row.latest.number == "03-••••-0001" and row.latest.number_masked
        for act in (
            lambda: desk.handle([row.latest.id]),
            lambda: desk.record(row.id, [], None, "contact", "phone", "", ""),
            lambda: desk.snooze(row.id, NOW + 60, "x"),
            lambda: desk.hand_on(row.id, "801", ""),
            lambda: desk.send_mail(row.id, "a@example.jp", "s", "b"),
            lambda: desk.dial(row.id),
            lambda: desk.pick(row.id, "100101"),
        ):
            with pytest.raises(NotAllowed, match="handle calls"):
                act()


def test_a_look_is_noted_once(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    for _ in range(2):
        with office.desk(REP) as desk:
            item = desk.worklist().items[0].id
            desk.item(item)
    assert [(row.user, row.customer_code) for row in office.trail("opened")] == [("801", "100101")]
    office.clock.at += 301
    with office.desk(REP) as desk:
        desk.item(item)
        desk.customer("100101")
        shown = [step.kind for step in desk.call(calls_of(office)[0]).trail]
    assert len(office.trail("opened")) == 3
    assert {"ringing", "ended", "matched", "told", "opened"} <= set(shown)


def test_a_call_back_that_connects_closes_the_item(office: Office) -> None:
    office.rings(inbound(1, "0311110001", at=NOW - 600))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
    office.rings(outbound(2, "0311110001", at=NOW - 300))
    with office.desk(REP) as desk:
        seen = desk.item(item)
        assert desk.worklist().items == [] and desk.counts(None, None).handled == 1
        assert seen.draft is not None and seen.draft.state == "closed"
        assert seen.history[0].by_name == "name 801"


def test_a_hand_over_stands_in_the_history_and_says_when_it_was_taken_back(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    with office.desk(REP) as desk:
        item = desk.worklist().items[0].id
        seen = desk.item(item)
        assert seen.customer is not None
        code, call = seen.customer.code, seen.calls[0].id
        desk.hand_on(item, "700", "please call back")
    with office.desk(MANAGER) as desk:
        for history in (desk.item(item).history, desk.customer(code).history, desk.call(call).history):
            (one,) = history
            assert (one.kind, one.by_name, one.to_name, one.undone) == ("hand-over", "name 801", "name 700", False)
    with office.desk(REP) as desk:
        desk.undo_hand_on(item)
    with office.desk(REP) as desk:
        assert [one.undone for one in desk.call(call).history] == [True]
        desk.record(item, [], code, "contact", "phone", "spoke", "")
    with office.desk(REP) as desk:
        kinds = [one.kind for one in desk.customer(code).history]
        assert sorted(kinds) == ["contact", "hand-over"], "a hand-over is no record, and stands beside it"
