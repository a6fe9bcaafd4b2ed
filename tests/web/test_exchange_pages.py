"""The pages on which exchanges are added, changed, paused, removed and tested, over a real database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cti_adapters.storage import mapping
from cti_adapters.storage.exchange_shelf import merged_exchanges, put_base
from cti_adapters.storage.work import Database
from cti_server.settings import ExchangeSettings, Settings
from cti_server.shared.scope import EVERYTHING, Span
from cti_web import exchange_form, exchange_words
from cti_web.app import create_app
from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import NOW, FixedClock, make_database, put
from tests.web.test_leak_routes import Everyone, Silent

FILE = {"id": "hq", "name": "本店 PBX", "kind": "ami", "branch": "121", "secret_env": "HQ_SECRET", "host": "192.0.2.10"}
NEW = {
    "kind": "ami",
    "id": "osaka",
    "name": "大阪 PBX",
    "branch": "122",
    "host": "pbx.osaka.example",
    "port": "5038",
    "username": "yobirin",
    "secret": "the-secret-of-osaka",
    "region": "JP",
    "timezone": "Asia/Tokyo",
    "extensions": r"\d{4}",
    "ping_seconds": "15",
    "silence_seconds": "45",
}


class Site:
    """The application, its database, and an administrator of every branch signed in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database: Database = make_database(folder)
        self.settings = Settings.model_validate(
            {
                "server": {"data_dir": str(folder), "record_folders": ["/var/log", "/var/spool/smdr"]},
                "branches": [{"code": "121", "name": "本店営業部"}, {"code": "122", "name": "横浜支店"}],
                "exchanges": [FILE],
            }
        )
        with self.database.engine.begin() as connection:
            put_base(connection, self.settings.exchanges)
        put(self.database, mapping.Exchange(id="hq", name="本店 PBX", kind="ami", branch="121", state="up"))
        self.accounts = Everyone(viewer("900", "administrator"))
        made: Any = create_app(self.database, self.settings, FixedClock(NOW), Silent(), accounts=self.accounts)  # type: ignore[arg-type]
        self.app: Flask = made
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    def client(self) -> FlaskClient:
        client = self.app.test_client()
        client.set_cookie("yobirin", "t")
        return client

    def runs(self) -> dict[str, ExchangeSettings]:
        with self.database.engine.connect() as connection:
            return {one.id: one for one in merged_exchanges(connection, self.settings).exchanges}

    def row(self, exchange: str) -> mapping.ExchangeSetting:
        with self.database.open(EVERYTHING) as work:
            found = work.session.get(mapping.ExchangeSetting, exchange)
            assert found is not None
            return found

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        with self.database.open(EVERYTHING) as work:
            return [(row.kind, row.body) for row in work.session.query(mapping.Outbox).order_by(mapping.Outbox.id)]

    def everything(self) -> str:
        """All that the database holds, as text."""
        with self.database.engine.connect() as connection:
            lines = connection.connection.driver_connection.iterdump()  # type: ignore[union-attr]
            return "\n".join(lines)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return site.client()


def undo_of(answer: Any) -> dict[str, Any]:
    """What the bar offers to take an act back by."""
    return dict(json.loads(answer.headers["HX-Trigger"])["y:said"])


HTMX = {"HX-Request": "true", "Accept-Language": "en"}


def test_adding_one(site: Site, client: FlaskClient) -> None:
    answer = client.post("/admin/exchanges/new-exchange", data=NEW)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/exchanges/osaka")
    added = site.runs()["osaka"]
    assert (added.host, added.branch, added.secret()) == ("pbx.osaka.example", "122", "the-secret-of-osaka")
    assert ("exchange_settings", {"exchange": "osaka"}) in site.told()
    shown = client.get("/admin/exchanges").get_data(as_text=True)
    assert "大阪 PBX" in shown, "at once, before the daemon has taken it over"


def test_a_secret_is_in_no_table_and_on_no_page(site: Site, client: FlaskClient) -> None:
    client.post("/admin/exchanges/new-exchange", data=NEW)
    assert "the-secret-of-osaka" not in site.everything()
    (kept,) = (site.folder / "secrets").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.parent.stat().st_mode & 0o777 == 0o700
    for page in ("/admin/exchanges", "/admin/exchanges/osaka", "/admin/exchanges/osaka/change"):
        text = client.get(page).get_data(as_text=True)
        assert "the-secret-of-osaka" not in text and kept.name not in text
    wrong = client.post("/admin/exchanges/new-exchange", data=NEW | {"id": "other", "port": "x"})
    assert wrong.status_code == 422 and "the-secret-of-osaka" not in wrong.get_data(as_text=True)


FEEDS: dict[str, dict[str, str]] = {
    "connect": {"host": "192.0.2.9", "port": "5100", "username": ""},
    "listen": {"host": "0.0.0.0", "port": "5101", "allowed_peers": "192.0.2.9, 192.0.2.0/28"},
    "serial": {
        "device": "/dev/ttyUSB0",
        "baud": "9600",
        "data_bits": "7",
        "parity": "even",
        "stop_bits": "1",
        "flow_control": "none",
    },
    "file": {"path": "/var/log/smdr.log"},
    "folder": {"path": "/var/spool/smdr", "pattern": "*.csv"},
}


@pytest.mark.parametrize("feed", exchange_form.feeds())
def test_one_that_hands_over_records(site: Site, client: FlaskClient, feed: str) -> None:
    form = client.get(f"/admin/exchanges/new-exchange?kind=smdr&feed={feed}").get_data(as_text=True)
    for name in FEEDS[feed]:
        assert f'name="{name}"' in form or name in ("host", "username"), name
    fixed = {"kind": "smdr", "feed": feed, "id": "old", "name": "旧", "branch": "121", "profile": "mitel"}
    more = {"extensions": r"\d{4}", "timezone": "Asia/Tokyo", "silent_minutes": "30", "silent_from": "09:00"}
    answer = client.post("/admin/exchanges/new-exchange", data=fixed | FEEDS[feed] | more)
    assert answer.status_code == 303, problems(answer.get_data(as_text=True))
    added = site.runs()["old"]
    assert (added.feed, added.profile, added.silent_minutes) == (feed, "mitel", 30)
    again = client.get("/admin/exchanges/old/change").get_data(as_text=True)
    assert 'value="30"' in again and client.get("/admin/exchanges/old").status_code == 200
    change = fixed | FEEDS[feed] | more | {"silent_minutes": "", "version": "1"}
    assert client.post("/admin/exchanges/old/change", data=change).status_code == 303
    assert site.runs()["old"].silent_minutes == 0


def test_a_file_outside_of_the_folders_for_records_is_refused(site: Site, client: FlaskClient) -> None:
    form = {"kind": "smdr", "feed": "file", "id": "old", "name": "旧", "branch": "121", "profile": "mitel"}
    (site.folder / "link").symlink_to("/etc/passwd")
    for path in ("/etc/passwd", "/var/log/../../etc/passwd", f"{site.folder}/link"):
        answer = client.post("/admin/exchanges/new-exchange", data=form | {"path": path}, headers=HTMX)
        assert answer.status_code == 422 and "path" in problems(answer.get_data(as_text=True)), path
    assert "old" not in site.runs()
    answer = client.post("/admin/exchanges/new-exchange", data={**NEW, "cdr.file": "/etc/passwd"}, headers=HTMX)
    assert answer.status_code == 422 and "/var/spool/smdr" in answer.get_data(as_text=True)


def test_why_there_was_no_pop_up_has_a_form_of_its_own(client: FlaskClient) -> None:
    page = client.get("/admin/exchanges/hq/why")
    assert page.status_code == 200 and 'name="number"' in page.get_data(as_text=True)
    assert client.get("/admin/exchanges/nobody/why").status_code == 404


def problems(text: str) -> dict[str, str]:
    """Field -> what is said to be wrong with it."""
    return dict(re.findall(r'id="y-f-(\w+)-problem">([^<]+)<', text))


RECORD = {"cdr.secret_env": "YOBIRIN_CDR", "cdr.table": "calls", "cdr.timezone": "UTC"}


def test_its_own_record_of_calls(site: Site, client: FlaskClient) -> None:
    client.post("/admin/exchanges/new-exchange", data={**NEW, **RECORD})
    cdr = site.runs()["osaka"].cdr
    assert cdr is not None and (cdr.secret_env, cdr.table, cdr.timezone) == ("YOBIRIN_CDR", "calls", "UTC")
    page = client.get("/admin/exchanges/osaka/change").get_data(as_text=True)
    assert 'name="cdr.secret_env" value="YOBIRIN_CDR"' in page
    changed = {**NEW, "secret": "", "version": "1", "cdr.secret_file": "cdr.url", "cdr.table": "calls"}
    client.post("/admin/exchanges/osaka/change", data=changed)
    cdr = site.runs()["osaka"].cdr
    assert cdr is not None and cdr.secret_env is None and cdr.timezone is None
    assert cdr.secret_file == site.folder / "secrets" / "cdr.url"
    client.post("/admin/exchanges/osaka/change", data={**NEW, "secret": "", "version": "2"})
    assert site.runs()["osaka"].cdr is None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cdr.secret_env": "PATH"}, "cdr.secret_env"),
        ({"cdr.secret_file": "/etc/shadow"}, "cdr.secret_file"),
        ({"cdr.file": "/var/a.csv", "cdr.secret_env": "YOBIRIN_CDR"}, "cdr.file"),
        ({"cdr.file": "/var/a.csv", "cdr.timezone": "Mars/Base"}, "cdr.timezone"),
    ],
)
def test_a_record_that_cant_be_is_told_at_its_field(
    site: Site, client: FlaskClient, wrong: dict[str, str], field: str
) -> None:
    answer = client.post("/admin/exchanges/new-exchange", data={**NEW, **wrong}, headers={"Accept-Language": "en"})
    assert answer.status_code == 422 and "osaka" not in site.runs()
    assert f'id="y-f-{field}-problem"' in answer.get_data(as_text=True)


def test_a_file_of_the_servers_own_is_no_record(site: Site, client: FlaskClient) -> None:
    own = {"cdr.file": str(site.folder / "yobirin.sqlite3")}
    answer = client.post("/admin/exchanges/new-exchange", data={**NEW, **own})
    assert answer.status_code == 422 and "osaka" not in site.runs()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(site: Site, language: str) -> None:
    site.accounts.now = viewer("900", "administrator", language=language)
    wrong = NEW | {"id": "no-dash", "port": "70000", "timezone": "Tokyo", "extensions": "(", "silence_seconds": "x"}
    answer = site.client().post("/admin/exchanges/new-exchange", data=wrong)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    told = problems(text)
    assert told.keys() == {"id", "port", "timezone", "extensions", "silence_seconds"}
    for name in ("name", "host", "port", "timezone"):
        assert f'value="{wrong[name]}"' in text, "what was typed is still there"
    if language == "en":
        assert told["port"] == "At most 65535." and told["silence_seconds"] == "Write a number."
    else:
        assert all(re.search(r"[぀-ヿ]", sentence) for sentence in told.values()), told
    assert "no-dash" not in site.everything()


def test_two_rules_at_once(client: FlaskClient) -> None:
    answer = client.post("/admin/exchanges/new-exchange", data=NEW | {"ping_seconds": "60"})
    assert "silence_seconds" in problems(answer.get_data(as_text=True))
    taken = client.post("/admin/exchanges/new-exchange", data=NEW | {"id": "hq"})
    assert "id" in problems(taken.get_data(as_text=True))


def test_changing_what_the_file_says_and_back(site: Site, client: FlaskClient) -> None:
    form = client.get("/admin/exchanges/hq/change").get_data(as_text=True)
    assert 'value="192.0.2.10"' in form and 'name="version" value="0"' in form
    change = NEW | {"host": "192.0.2.99", "branch": "121", "secret": "", "secret_env": "HQ_SECRET", "version": "0"}
    done = client.post("/admin/exchanges/hq/change", data=change, headers=HTMX)
    assert done.status_code == 204
    assert (site.runs()["hq"].host, site.runs()["hq"].secret_env) == ("192.0.2.99", "HQ_SECRET")
    undo = undo_of(done)
    client.post(undo["url"], data=undo["fields"], headers=HTMX)
    assert site.runs()["hq"].host == "192.0.2.10"


def test_who_was_slower_sees_both(site: Site, client: FlaskClient) -> None:
    first = NEW | {"host": "192.0.2.50", "branch": "121", "secret": "", "version": "0"}
    client.post("/admin/exchanges/hq/change", data=first)
    second = client.post("/admin/exchanges/hq/change", data=first | {"host": "192.0.2.60"})
    text = second.get_data(as_text=True)
    assert second.status_code == 409
    assert 'value="192.0.2.60"' in text and "192.0.2.50" in text and 'name="version" value="1"' in text
    assert site.runs()["hq"].host == "192.0.2.50"
    client.post("/admin/exchanges/hq/change", data=first | {"host": "192.0.2.60", "version": "1"})
    assert site.runs()["hq"].host == "192.0.2.60"


def test_pausing_resuming_removing_bringing_back(site: Site, client: FlaskClient) -> None:
    asked = client.get("/admin/exchanges/hq/do/pause", headers=HTMX | {"HX-Target": "y-dialog"})
    assert "<html" not in asked.get_data(as_text=True) and 'name="version" value="0"' in asked.get_data(as_text=True)
    client.post("/admin/exchanges/hq/do/pause", data={"version": "0"})
    assert site.runs()["hq"].paused
    client.post("/admin/exchanges/hq/do/resume", data={"version": "1"})
    assert not site.runs()["hq"].paused
    gone = client.post("/admin/exchanges/hq/do/remove", data={"version": "2"})
    assert gone.headers["Location"] == "/admin/exchanges" and site.runs() == {}
    assert client.get("/admin/exchanges/hq").status_code == 404
    assert "/admin/exchanges/hq/do/bring-back" in client.get("/admin/exchanges").get_data(as_text=True)
    late = client.post("/admin/exchanges/hq/do/bring-back", data={"version": "0"})
    assert late.status_code == 409
    client.post("/admin/exchanges/hq/do/bring-back", data={"version": "3"})
    assert "hq" in site.runs() and client.get("/admin/exchanges/hq").status_code == 200
    assert client.post("/admin/exchanges/hq/do/nonsense", data={"version": "4"}).status_code == 404
    assert client.post("/admin/exchanges/hq/do/pause", data={}).status_code == 422
    with site.database.open(EVERYTHING) as work:
        acts = [row.act for row in work.session.query(mapping.Audit).order_by(mapping.Audit.id)]
    assert acts == ["paused", "resumed", "removed", "brought back"]


def test_a_test_of_what_is_in_the_form(site: Site, client: FlaskClient) -> None:
    asked = client.post("/admin/exchanges/new-exchange/test", data=NEW, headers=HTMX)
    where = re.search(r'hx-get="(/admin/exchange-tests/\d+)"', asked.get_data(as_text=True))
    assert where and "osaka" not in site.runs()
    number = int(where[1].rsplit("/", 1)[1])
    assert ("exchange_test", {"test": number}) in site.told()
    assert "the-secret-of-osaka" not in site.everything()
    rights = [{"kind": "read", "name": "call", "state": "missing", "why": ""}]
    found = {"reason": "", "reason_values": {}, "banner": "Asterisk/9", "rights": rights}
    with site.database.open(EVERYTHING, write=True) as work:
        work.shelf.end_test(number, found | {"superfluous": [["write", "all"]], "missing": ["read = call"]})
    text = client.get(where[1], headers=HTMX).get_data(as_text=True)
    assert "hx-get" not in text and "read = call" in text and "[yobirin]" in text and "write = all" in text
    wrong = client.post("/admin/exchanges/new-exchange/test", data=NEW | {"port": "x"}, headers=HTMX)
    assert wrong.status_code == 200 and "exchange-tests" not in wrong.get_data(as_text=True)
    site.accounts.now = viewer("901", "administrator")
    assert site.client().get(where[1]).status_code == 404, "somebody else's"


def test_a_test_that_nobody_does_is_said(site: Site, client: FlaskClient) -> None:
    with site.database.open(EVERYTHING, write=True) as work:
        from cti_server.exchanges.ports import Test

        number = work.shelf.add_test(Test("hq", "121", "900", NOW - 60, {"username": "x"}))
    text = client.get(f"/admin/exchange-tests/{number}", headers=HTMX).get_data(as_text=True)
    assert "hx-get" not in text and 'data-tone="red"' in text


def test_who_is_held_to_a_branch(site: Site, client: FlaskClient) -> None:
    client.post("/admin/exchanges/new-exchange", data=NEW)
    from dataclasses import replace

    whole = viewer("901", "administrator")
    site.accounts.now = replace(whole, scope=replace(whole.scope, span=Span.BRANCH), branch="121")
    held = site.client()
    assert "大阪" not in held.get("/admin/exchanges").get_data(as_text=True)
    form = held.get("/admin/exchanges/new-exchange?kind=ami").get_data(as_text=True)
    assert 'value="121"' in form and 'value="122"' not in form
    moved = held.post("/admin/exchanges/hq/change", data=NEW | {"branch": "122", "version": "0", "secret": ""})
    assert moved.status_code == 422 and "branch" in problems(moved.get_data(as_text=True))
    nothing = held.post("/admin/exchanges/nonsense/change", data=NEW).get_data(as_text=True)
    hidden = held.post("/admin/exchanges/osaka/change", data=NEW)
    assert hidden.status_code == 404 and hidden.get_data(as_text=True).replace("osaka", "nonsense") == nothing


@pytest.mark.parametrize("kind", exchange_form.kinds())
def test_every_setting_has_words_and_a_place(kind: str) -> None:
    placed = {
        name for one in exchange_form.kinds() for feed in ["", *exchange_form.feeds()] for name in _placed(one, feed)
    }
    left = set(ExchangeSettings.model_fields) - placed - {"kind", "feed", "paused", "secret_env", "secret_file"}
    assert {name for name in left if not _is_table(name)} == set()
    assert kind in exchange_words.KINDS


def _is_table(name: str) -> bool:
    """Whether a setting is a table of its own, which only the file has; a change on the page leaves it as it is."""
    kind = ExchangeSettings.model_fields[name].annotation
    return any(hasattr(one, "model_fields") for one in (kind, *get_args(kind)))


def _placed(kind: str, feed: str) -> list[str]:
    names = exchange_form.names_of(kind, feed)
    assert all(name in exchange_words.SETTINGS for name in names)
    return names
