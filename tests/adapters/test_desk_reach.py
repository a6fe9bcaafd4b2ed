"""Drafts, mails, calls back and whole numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti_adapters.storage import mail_queue, mapping
from cti_adapters.storage.desk_dials import STILL_WANTED, asked_dial, give_up_dials, record_dial_outcome
from cti_adapters.storage.desk_firm import put_templates
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound, SettingsError
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound

REP, MANAGER = replace(viewer("801"), name="山田"), viewer("700", "branch manager", extensions=(("yokohama", "3000"),))
A = "+81311110001"
CALLED = 1_622_509_500.0  # 2021/6/1 10:05 in Tokyo


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    row = customer("100101", A, "+819011110001")
    row.name, row.mail = "AA NNN", "aa@example.jp"
    office.put(row)
    office.rings(inbound(1, "0311110001", at=CALLED))
    return office


def item_of(office: Office) -> int:
    with office.desk(REP) as desk:
        return desk.worklist().items[0].id


def test_the_draft_of_the_spec(office: Office) -> None:
    with office.desk(REP) as desk:
        draft = desk.draft(item_of(office))
    assert draft.body == (
        "AA NNN 様 (顧客コード 100101) お世話になっております。本店営業部・山田です。"
        "2021/6/1 10:05 にお電話を頂き、ありがとうございます。"
    )
    assert (draft.to, draft.state) == ("aa@example.jp", "open")
    with office.desk(REP) as desk:
        assert desk.draft(item_of(office), "en").body.startswith("Dear AA NNN")


def test_a_branch_may_have_its_own_template(office: Office, tmp_path: Path) -> None:
    own = tmp_path / "templates.toml"
    own.write_text('[ja]\nsubject="s"\nbody="all"\n[branch.121.ja]\nsubject="s"\nbody="ours {rep}"\n', "utf-8")
    with office.database.open(EVERYTHING) as work:
        assert put_templates(work.session, own) == 2
    with office.desk(REP) as desk:
        assert desk.draft(item_of(office)).body == "ours 山田"
        assert desk.draft(item_of(office), "en").body == ""  # no template: an empty draft, not an error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ja", "can't be read"),
        ('[fr]\nsubject="s"\nbody="b"', "no language"),
        ('[ja]\nsubject="s"', "has to have a subject and a body"),
        ('[ja]\nsubject="s"\nbody="{phone}"', r"can't name \{phone\}"),
        ('[ja]\nsubject="a\\nb"\nbody="b"', "one line"),
    ],
)
def test_templates_that_cannot_be_used(office: Office, tmp_path: Path, text: str, said: str) -> None:
    bad = tmp_path / "templates.toml"
    bad.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=said), office.database.open(EVERYTHING) as work:
        put_templates(work.session, bad)


def test_sending_is_a_record_a_mail_and_a_command_in_one(office: Office) -> None:
    item = item_of(office)
    with office.desk(REP) as desk:
        row = desk.send_mail(item, " aa@example.jp ", "お電話の件", "本文")
        assert (row.channel, row.kind) == ("mail", "contact")
    (mail,) = office.outbox("mail")
    with office.desk(REP) as desk:
        seen = desk.item(item)
        assert seen.draft is not None
        assert (seen.draft.state, seen.draft.to, seen.draft.body) == ("queued", "aa@example.jp", "本文")
        assert seen.history[0].id == row.id and desk.worklist().items == []
        assert [one.mail_state for one in desk.customer("100101").history[:1]] == ["queued"]
    with office.database.open(EVERYTHING) as work:
        stored = work.session.get_one(mapping.Mail, mail["mail"])
        assert (stored.history_id, stored.customer_code, stored.state) == (row.id, "100101", "queued")
        assert mail_queue.failed(work, mail["mail"], "550 no such user") is not None
    with office.desk(REP) as desk:
        seen = desk.item(item)
        assert [one.id for one in desk.worklist().items] == [item]  # nobody was reached: it asks to be dealt with
        assert seen.draft is not None and (seen.draft.state, seen.draft.problem) == ("failed", "550 no such user")
        assert seen.history[0].mail_state == "failed"
        with pytest.raises(Conflict, match="on its way"):
            desk.undo_history(row.id)


def test_the_button_pressed_twice_sends_once(office: Office) -> None:
    item = item_of(office)
    rows = []
    for _ in range(2):
        with office.desk(REP) as desk:
            rows.append(desk.send_mail(item, "aa@example.jp", "s", "b").id)
    assert rows[0] == rows[1] and len(office.outbox("mail")) == 1


def test_a_mail_that_cannot_be_sent_leaves_nothing_behind(office: Office) -> None:
    item = item_of(office)
    with pytest.raises(Invalid), office.desk(REP) as desk:
        desk.send_mail(item, "aa@example.jp\r\nBcc: x@example.jp", "s", "b")
    assert office.outbox("mail") == [] and len(office.trail("recorded")) == 0


def test_a_call_back_is_asked_of_the_exchange(office: Office) -> None:
    item = item_of(office)
    with office.desk(REP) as desk:
        dial_id = desk.dial(item)
        assert desk.item(item).dialling == "asked"
    assert office.outbox("dial") == [{"dial": dial_id}]
    with office.database.open(EVERYTHING) as work:
        asked = asked_dial(work.session, dial_id)
        assert asked is not None
        assert (asked.exchange, asked.extension, asked.number, asked.item) == ("hq", "2001", A, item)
        notice = record_dial_outcome(work.session, dial_id, "busy", NOW)
        assert notice is not None and notice.item_ids == (item,) and notice.users == ("801",)
        assert record_dial_outcome(work.session, dial_id, "ringing", NOW) is None  # an outcome is final
        assert asked_dial(work.session, dial_id) is None
    with office.desk(REP) as desk:
        assert desk.item(item).dialling == "busy"
    assert [row.customer_code for row in office.trail("dialled")] == ["100101"]


def test_a_server_that_starts_gives_up_what_nobody_follows_any_more(office: Office) -> None:
    item = item_of(office)
    with office.desk(REP) as desk:
        dial_id = desk.dial(item)
    with office.database.open(EVERYTHING) as work:
        give_up_dials(work.session, NOW + STILL_WANTED - 1)  # its row may still wait in the outbox
        assert asked_dial(work.session, dial_id) is not None
        record_dial_outcome(work.session, dial_id, "ringing", NOW)
        give_up_dials(work.session, NOW + 1)
    with office.desk(REP) as desk:
        assert desk.item(item).dialling == "failed"
        assert desk.dial(item) != dial_id


def test_one_call_back_at_a_time(office: Office) -> None:
    item = item_of(office)
    with office.desk(REP) as desk:
        desk.dial(item)
    with pytest.raises(Conflict, match="being placed"), office.desk(REP) as desk:
        desk.dial("100101")
    office.clock.at += 61
    with office.desk(REP) as desk:
        desk.dial("100101", "+819011110001")


def test_only_numbers_of_whom_one_may_see_are_dialled(office: Office) -> None:
    item = item_of(office)
    call_id = inbound(1, "0311110001", at=CALLED).id
    for target, number in ((item, "+81399990000"), (call_id, "+81399990000"), ("100101", "+81399990000")):
        with pytest.raises(NotFound), office.desk(REP) as desk:
            desk.dial(target, number)
    for target in (item, call_id, "100101", "nothing"):
        with pytest.raises(NotFound), office.desk(viewer("803", branch="122")) as desk:
            desk.dial(target)
    with office.desk(MANAGER) as desk:
        desk.dial(call_id)
    with office.database.open(EVERYTHING) as work:
        assert work.session.get_one(mapping.Dial, 1).exchange == "yokohama"  # the only telephone the manager has


def test_no_telephone_and_no_number(office: Office) -> None:
    office.rings(inbound(2, None))
    with pytest.raises(Invalid, match="no telephone"), office.desk(viewer("801", extensions=())) as desk:
        desk.dial(item_of(office))
    with pytest.raises(Invalid, match="no number"), office.desk(MANAGER) as desk:
        desk.dial(desk.worklist().items[0].id)


def test_the_tel_address_is_for_who_needs_the_number(office: Office) -> None:
    item = item_of(office)
    with office.desk(replace(REP, extensions=(), dial="tel")) as desk:
        seen = desk.item(item)
        assert (seen.can_dial, seen.dial_uri) == (False, f"tel:{A}")
    with office.desk(MANAGER) as desk:
        seen = desk.item(item)
        assert (seen.can_dial, seen.dial_uri) == (True, "")


def test_a_number_is_revealed_on_the_record(office: Office) -> None:
    call_id = inbound(1, "0311110001", at=CALLED).id
    with office.desk(MANAGER) as desk:
        assert desk.calls(CallQuery()).rows[0].number == "03-••••-0001"
        assert desk.reveal(call_id) == "03-1111-0001" == desk.reveal("100101")
    reviewer = viewer("900", "compliance reviewer")
    with pytest.raises(Invalid, match="reason"), office.desk(reviewer) as desk:
        desk.reveal(call_id)
    with office.desk(reviewer) as desk:
        desk.reveal(call_id, "a complaint")
    assert [(row.user, row.detail["reason"]) for row in office.trail("revealed")] == [
        ("700", ""),
        ("700", ""),
        ("900", "a complaint"),
    ]
    with pytest.raises(NotAllowed, match="masked"), office.desk(viewer("901", "administrator")) as desk:
        desk.reveal(call_id, "curious")
    with pytest.raises(NotFound), office.desk(viewer("803", branch="122")) as desk:
        desk.reveal(call_id)
