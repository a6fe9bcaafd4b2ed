"""The pages over a fake desk: each one answers in both languages, acts reach the desk, and nothing sensitive gets into
an address."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cti_server.settings import BoardSettings
from cti_server.shared.scope import Scope, Span
from cti_web import board, csv_files, exchanges, report
from tests.web.fake_desk import NOW, FakeDesk, at
from tests.web.pages import REP, FakeAccounts, make_app

PAGES = [
    "/desk",
    "/desk/1",
    "/desk/3",
    "/desk/6",
    "/desk/7",
    "/desk?tab=waiting",
    "/desk?tab=team",
    "/desk?tab=done",
    "/desk?period=week",
    "/desk?from=2026-11-01&to=2026-11-05",
    "/calls",
    "/calls?handled=no&digits=0142",
    "/calls/hq-1795398001.1",
    "/calls/hq-1795398006.6",
    "/customers",
    "/customers/100101",
    "/customers/100101/change",
    "/unregistered",
    "/unregistered/hq-1795398003.3",
    "/board",
    "/board/121",
    "/report",
    "/admin/exchanges",
    "/admin/exchanges/osaka",
    "/admin/exchanges/new-exchange",
    "/admin/exchanges/new-exchange?kind=ami",
    "/admin/exchanges/hq/change",
    "/admin/exchanges/hq/do/pause",
    "/admin/exchanges/hq/do/remove",
    "/me",
    "/sim",
    "/lookup/nobody",
]


@pytest.fixture
def fake() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def app(tmp_path: Path, fake: FakeDesk) -> Flask:
    made = make_app(tmp_path, fake)
    made.config["WTF_CSRF_ENABLED"] = False
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    made = app.test_client()
    made.set_cookie("yobirin", "en")
    return made


def htmx(target: str = "") -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("empty", [False, True], ids=["morning", "empty"])
def test_every_page_answers_in_both_languages(app: Flask, fake: FakeDesk, language: str, empty: bool) -> None:
    client = app.test_client()
    client.set_cookie("yobirin", language)
    fake.empty = empty
    for page in PAGES:
        answer = client.get(page)
        assert answer.status_code == 200, page
        text = answer.get_data(as_text=True)
        assert f'<html lang="{language}">' in text, page
        assert re.search(r"<h1|<h2", text), page
        assert "style=" not in text and "onclick=" not in text, f"{page}: refused by the content security policy"
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_icon_that_is_named_exists() -> None:
    templates = Path(board.__file__).parent / "templates"
    outlines = (templates / "icons.html").read_text("utf-8")
    sources = [*templates.rglob("*.html"), *templates.parent.glob("*.py")]
    named = {name for path in sources for name in re.findall(r"icon\('([\w-]+)'", path.read_text("utf-8"))}
    assert len(named) > 20
    assert {name for name in named if f"'{name}': '<" not in outlines} == set()


def test_a_fragment_is_less_than_the_page(client: FlaskClient) -> None:
    whole = client.get("/desk/1").get_data(as_text=True)
    part = client.get("/desk/1", headers=htmx("y-item")).get_data(as_text=True)
    assert "<html" in whole and "<html" not in part and "100101" in part
    boosted = client.get("/desk/1", headers=htmx() | {"HX-Boosted": "true"})
    assert "<html" in boosted.get_data(as_text=True)


# --- acts


def test_saving_a_record_opens_the_next_item_and_can_be_undone(client: FlaskClient, fake: FakeDesk) -> None:
    form = {"kind": "contact", "channel": "phone", "result": "spoke", "note": "hello", "customer": "100101"}
    answer = client.post("/desk/1/record", data=form, headers=htmx("y-item"))
    assert ("record", 1, (), "100101", "contact", "phone", "spoke", "hello") in fake.acts
    assert answer.headers["HX-Push-Url"] == "/desk/2"
    assert 'data-item="2"' in answer.get_data(as_text=True)
    said = json.loads(answer.headers["HX-Trigger"])["y:said"]
    client.post(said["url"], data=said["fields"], headers=htmx())
    assert fake.acts[-1] == ("undo_history", 9)


def test_without_scripts_an_act_leads_back_to_a_page_that_says_what_was_done(client: FlaskClient) -> None:
    answer = client.post("/desk/1/done", follow_redirects=True)
    assert answer.status_code == 200
    assert "2 calls marked handled" in answer.get_data(as_text=True)


def test_done_marks_the_calls_of_the_item_and_undo_opens_them_again(client: FlaskClient, fake: FakeDesk) -> None:
    answer = client.post("/desk/1/done", headers=htmx("y-item"))
    calls = ("hq-1795398001.1", "hq-1795398011.11")
    assert ("handle", calls) in fake.acts
    said = json.loads(answer.headers["HX-Trigger"])["y:said"]
    client.post(said["url"], data=said["fields"], headers=htmx())
    assert fake.acts[-1] == ("reopen", calls)


def test_putting_off_takes_a_choice_or_a_time_of_the_viewers_zone(client: FlaskClient, fake: FakeDesk) -> None:
    client.post("/desk/1/snooze", data={"when": "tomorrow", "reason": "meeting"}, headers=htmx())
    assert fake.acts[-1] == ("snooze", 1, at("09:00", 1), "meeting")
    form = {"when": "custom", "day": "2026-11-24", "time": "15:30", "reason": "meeting"}
    client.post("/desk/1/snooze", data=form, headers=htmx())
    assert fake.acts[-1] == ("snooze", 1, at("15:30", 1), "meeting")
    refused = client.post("/desk/1/snooze", data={"when": "custom", "day": "", "reason": "x"}, headers=htmx())
    assert refused.status_code == 422
    assert "Choose a day" in refused.get_data(as_text=True)


def test_other_acts_reach_the_desk(client: FlaskClient, fake: FakeDesk) -> None:
    for path, form, expected in [
        ("/desk/1/hand-on", {"to": "802", "note": "please"}, ("hand_on", 1, "802", "please")),
        ("/desk/6/pick", {"customer": "100112"}, ("pick", 6, "100112")),
        ("/desk/1/note", {"note": "half a"}, ("save_note", 1, "half a")),
        (
            "/desk/1/mail",
            {"to": "a@example.jp", "subject": "s", "body": "b"},
            ("send_mail", 1, "a@example.jp", "s", "b"),
        ),
        ("/desk/1/dial", {}, ("dial", 1, None)),
        ("/calls/hq-1795398001.1/reveal", {}, ("reveal", "hq-1795398001.1")),
        ("/calls/hq-1795398001.1/handled", {}, ("handle", ("hq-1795398001.1",))),
        ("/customers/100101/dial", {}, ("dial", "100101", None)),
        ("/unregistered/hq-1795398003.3/attach", {"customer": "100101"}, ("attach", "hq-1795398003.3", "100101")),
        ("/unregistered/hq-1795398003.3/dismiss", {}, ("not_a_customer", "hq-1795398003.3")),
        ("/unregistered/hq-1795398003.3/undo", {}, ("undo_not_a_customer", "hq-1795398003.3")),
    ]:
        fake.acts.clear()
        answer = client.post(path, data=form, headers=htmx())
        assert answer.status_code in (200, 204, 303), path
        assert expected in fake.acts, path


def test_what_is_typed_survives_a_refused_form(client: FlaskClient, fake: FakeDesk) -> None:
    answer = client.post("/unregistered/hq-1795398003.3/register", data={"code": "100101", "name": "新しい 人"})
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "新しい 人" in text and "100101 belongs to another customer" in text


def test_a_conflict_shows_both_versions(client: FlaskClient, fake: FakeDesk) -> None:
    fake.conflict = True
    answer = client.post("/customers/100101/change", data={"name": "渡辺 和美", "kana": "ワタナベ", "version": "3"})
    assert answer.status_code == 409
    text = answer.get_data(as_text=True)
    assert 'value="渡辺 和美"' in text and "渡辺 和子" in text


# --- privacy


def test_a_number_that_is_looked_up_leaves_the_address(client: FlaskClient) -> None:
    for path in ("/lookup?number=03-0000-0142", "/go/tel/+81300000142", "/go/tel/0300000142"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert "0142" not in answer.headers["Location"]
    assert client.get("/go/tel/0300000142").headers["Location"] == "/customers/100101"
    assert client.get("/lookup?number=0300000175").headers["Location"].endswith("code=100112&code=100113")
    assert client.get("/go/tel/0399999999").headers["Location"] == "/lookup/nobody"


def test_searching_a_number_is_answered_without_an_address_that_holds_it(client: FlaskClient) -> None:
    assert (
        client.post("/customers/find", data={"text": "渡辺"}).headers["Location"] == "/customers?q=%E6%B8%A1%E8%BE%BA"
    )
    assert client.post("/customers/find", data={"text": "03-0000-0175"}).status_code == 200
    assert "小林" in client.post("/customers/suggest", data={"text": "コバヤシ"}).get_data(as_text=True)


def test_only_the_last_four_digits_filter_the_log(client: FlaskClient, fake: FakeDesk) -> None:
    client.get("/calls?digits=0300000142")
    query: Any = fake.acts[-1][1]
    assert query.digits == "0142"


def test_the_board_names_nobody(client: FlaskClient) -> None:
    text = client.get("/board/121", headers=htmx("y-board")).get_data(as_text=True)
    assert "中村" not in text and "090-" not in text and "ミナト" not in text


def test_pages_of_a_right_are_shut_without_it(tmp_path: Path, fake: FakeDesk) -> None:
    bare = replace(REP, rights=frozenset({"handle"}), scope=Scope("801", "121", Span.OWN, frozenset({1, 2, 3})))
    client = make_app(tmp_path, fake, FakeAccounts(bare)).test_client()
    client.set_cookie("yobirin", "en")
    for page in ("/unregistered", "/admin/exchanges", "/report.csv", "/customers/100101/change"):
        assert client.get(page).status_code == 403, page
    text = client.get("/desk").get_data(as_text=True)
    assert "/unregistered" not in text and "/admin/exchanges" not in text


# --- what pages compute


def test_the_csv_holds_the_rows_of_the_report_and_no_formula(client: FlaskClient) -> None:
    answer = client.get("/report.csv")
    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0].startswith("\ufeffCall,Exchange")
    assert len(lines) == 12
    assert "attachment" in answer.headers["Content-Disposition"]
    assert csv_files.guarded("=1+1") == "'=1+1"
    assert csv_files.guarded("03-0000-0142") == "03-0000-0142"


def test_the_report_counts_every_call() -> None:
    fake = FakeDesk()
    sums = report.summarise(fake.report(0, NOW), "Asia/Tokyo")
    assert sums.total == 11 == sums.outcomes.total()
    assert sum(hour.total() for hour in sums.by_hour.values()) == 11
    assert sums.by_branch["本店営業部"]["open"] == sums.open


def test_the_board_shows_the_worklist_at_its_times(tmp_path: Path, fake: FakeDesk) -> None:
    settings = BoardSettings(branch="121", worklist_at=("10:40",), minutes=10)
    app = make_app(tmp_path, fake, boards=(settings,))
    with app.app_context():
        assert board.worklist_shown("121", at("10:40"))
        assert board.worklist_shown("121", at("10:49"))
        assert not board.worklist_shown("121", at("10:39"))
        assert not board.worklist_shown("121", at("10:50"))
        assert not board.worklist_shown("122", at("10:45"))


def test_every_reason_of_a_link_is_said_in_the_readers_language() -> None:
    from cti_adapters.exchanges.status import SENTENCES

    assert set(exchanges.REASONS) == set(SENTENCES) - {""}
    for code, text in SENTENCES.items():
        named = set(re.findall(r"\{(\w+)\}", text))
        if code:
            assert set(re.findall(r"%\((\w+)\)", str(exchanges.REASONS[code]._args[0]))) == named, code


def test_settings_are_kept_and_a_wrong_zone_is_refused(client: FlaskClient, app: Flask) -> None:
    answer = client.post("/me", data={"language": "ja", "timezone": "Europe/Berlin", "dial": "tel"})
    assert answer.status_code == 303
    accounts = app.extensions["yobirin.accounts"]
    assert accounts.kept == {"language": "ja", "timezone": "Europe/Berlin", "dial": "tel"}
    assert client.post("/me", data={"timezone": "Mars/Base"}).status_code == 422
    wrong = client.post("/me/password", data={"current": "x", "fresh": "long enough", "again": "long enough"})
    assert wrong.status_code == 422
    assert "current password" in wrong.get_data(as_text=True)
