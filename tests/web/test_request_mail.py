"""Reminders of records that are asked for, and their escalation: each once, to who may see the customer, in their
language."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_adapters.storage.work import Database
from cti_server.review.policy import ReviewPolicy
from cti_server.shared.scope import EVERYTHING
from cti_web.request_mail import remind
from tests.adapters.desk_rig import Office
from tests.adapters.storage_rig import customer
from tests.adapters.test_requests import HOUR, MANAGER, MONDAY, NUMBER, ask, asked, mine, record, rings, viewer

HOME = "https://cti.example/"
LIMITS = {"801": ("rep@example.jp", "ja"), "700": ("manager@example.jp", "en"), "802": ("other@example.jp", "ja")}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.clock.at = MONDAY
    made.put(
        mapping.Exchange(id="hq", name="HQ", kind="ami", branch="121"),
        mapping.User(id="900", login="900", name="name 900", branch="122", role="compliance reviewer"),
        customer("100101", NUMBER),
    )
    with made.database.open(EVERYTHING) as work:
        for user, (mail, language) in LIMITS.items():
            row = work.session.get(mapping.User, user)
            assert row is not None
            row.mail, row.language = mail, language
    return made


def mails(office: Office) -> list[tuple[str, str]]:
    with office.database.open(EVERYTHING) as work:
        rows = work.session.query(mapping.Mail).order_by(mapping.Mail.id)
        return [(row.mail_to, row.subject) for row in rows]


def passes(office: Office, hours: float) -> int:
    """So many hours after Monday at ten. The server was started anew in the meantime."""
    office.clock.at = MONDAY + hours * HOUR
    again = Database(office.database.url, policy=ReviewPolicy())
    try:
        return remind(again, office.clock, HOME)
    finally:
        again.close()


def test_reminded_twice_then_escalated_each_once(office: Office) -> None:
    ask(office, rings(office))  # due at two
    assert [passes(office, at) for at in (0, 1.9, 2, 2.5, 3.9)] == [0, 0, 1, 0, 0]
    assert mails(office) == [("rep@example.jp", "接触履歴の登録依頼")]
    assert [passes(office, at) for at in (4, 5)] == [1, 0]
    assert mine(office, MANAGER) == []
    assert [passes(office, at) for at in (24, 24, 48)] == [1, 0, 0]  # at ten on Tuesday four hours have gone by
    assert [to for to, _ in mails(office)] == ["rep@example.jp", "rep@example.jp", "manager@example.jp"]
    assert mails(office)[-1][1] == "A contact record is missing"
    assert [one.standing for one in mine(office, MANAGER)] == ["escalated"]
    assert [one.standing for one in asked(office, state="escalated")] == ["escalated"]
    assert [row.detail["step"] for row in office.trail("record reminded")] == ["reminder", "deadline"]
    assert [row.detail["users"] for row in office.trail("record escalated")] == [["700"]]
    assert set(office.outbox("work")[-1]["users"]) == {"801", "700"}


def test_what_is_recorded_reminds_nobody(office: Office) -> None:
    call = rings(office)
    ask(office, call)
    record(office, call)
    assert passes(office, 100) == 0 and mails(office) == []


def test_after_a_long_outage_the_deadline_is_told_and_not_what_came_before(office: Office) -> None:
    ask(office, rings(office))
    assert passes(office, 100) == 2
    assert [to for to, _ in mails(office)] == ["rep@example.jp", "manager@example.jp"]


def test_who_may_not_see_the_customer_any_more_is_not_mailed(office: Office) -> None:
    ask(office, rings(office))
    with office.database.open(EVERYTHING) as work:
        row = work.session.get(mapping.User, "801")
        assert row is not None
        row.active = False
    passes(office, 4)
    assert mails(office) == []


def test_a_mail_names_no_customer_and_leads_to_the_desk(office: Office) -> None:
    ask(office, rings(office))
    passes(office, 4)
    with office.database.open(EVERYTHING) as work:
        (mail,) = work.session.query(mapping.Mail)
    assert f"{HOME}desk/requests/1" in mail.body and "100101" not in mail.body + mail.subject
    assert "2024" in mail.body and "what did they want" not in mail.body
    assert mine(office, viewer())[0].reminded_at == office.clock.at
