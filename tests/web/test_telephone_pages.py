"""The pages of telephones over a real database: who may, what is said, and that no other branch's are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_server.settings import Settings
from cti_server.shared.scope import EVERYTHING, Span
from cti_web.app import create_app
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import customer, inbound
from tests.web.test_leak_routes import Everyone, Silent

REP = viewer("801", language="en")
ADMIN = viewer("900", "PBX administrator", language="en")


class Site:
    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.office.put(
            mapping.Exchange(id="hq", name="HQ", branch="121"),
            mapping.Exchange(id="far", name="FarPBX", branch="122"),
            mapping.Extension(exchange="hq", extension="2004", user=None),
            mapping.Extension(exchange="hq", extension="2005", user=None, shared=True),
            mapping.Extension(exchange="far", extension="3001", user="803"),
            mapping.User(id="900", login="900", name="admin", branch="121", role="PBX administrator"),
        )
        self.accounts = Everyone()
        settings = Settings.model_validate({"server": {"data_dir": str(folder)}})
        self.app: Flask = create_app(
            self.office.database,
            settings,
            self.office.clock,
            Silent(),
            accounts=self.accounts,  # type: ignore[arg-type]
        )
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    def of(self, who: object) -> FlaskClient:
        self.accounts.now = who  # type: ignore[assignment]
        client = self.app.test_client()
        client.set_cookie("yobirin", "t")
        return client

    def holder(self, extension: str) -> tuple[str | None, str | None]:
        """(own, seated)."""
        with self.office.database.open(EVERYTHING) as work:
            row = work.session.get(mapping.Extension, ("hq", extension))
            seats = select(mapping.Seat).where(mapping.Seat.extension == extension, mapping.Seat.ended_at.is_(None))
            seat = work.session.scalars(seats).one_or_none()
            return row.user if row else None, seat.user if seat else None


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_rep_takes_a_telephone_after_being_asked_where_it_is_somebodys(site: Site) -> None:
    client = site.of(REP)
    form = {"exchange": "hq", "extension": "2002", "how": "hour", "until": "23:59"}
    asked = client.post("/telephone/take", data=form).get_data(as_text=True)
    assert "2002 is the telephone of name 802" in asked and site.holder("2002") == ("802", None)
    assert client.post("/telephone/take", data=form | {"sure": "1"}).status_code == 303
    assert site.holder("2002") == ("802", "801")
    shown = site.of(viewer("802", language="en")).get("/telephone").get_data(as_text=True)
    assert "name 801 sits at your 2002" in shown
    site.of(REP).post("/telephone/leave")
    assert site.holder("2002") == ("802", None)
    assert site.office.outbox("seat")[-1]["holder"] == "802"


@pytest.mark.parametrize(
    ("extension", "more", "says"),
    [
        ("9999", {}, "no such extension"),
        ("3001", {}, "no such extension"),
        ("2005", {}, "shared telephone"),
        ("2001", {}, "yours anyway"),
        ("2004", {"how": "hour", "until": "soon"}, "such as 18:00"),
    ],
)
def test_what_cant_be_taken_is_said_in_both_languages(
    site: Site, extension: str, more: dict[str, str], says: str
) -> None:
    form = {"exchange": "far" if extension == "3001" else "hq", "extension": extension} | more
    answer = site.of(REP).post("/telephone/take", data=form)
    assert answer.status_code == 422 and says in answer.get_data(as_text=True)
    in_japanese = site.of(viewer("801", language="ja")).post("/telephone/take", data=form).get_data(as_text=True)
    assert says not in in_japanese and 'role="alert"' in in_japanese


def test_a_change_is_shown_before_it_is_saved_and_a_stale_one_is_refused(site: Site) -> None:
    client = site.of(ADMIN)
    page = client.get("/admin/extensions/hq/2002").get_data(as_text=True)
    assert 'name="seen" value="of 802"' in page
    form = {"exchange": "hq", "extension": "2002", "whose": "own", "user": "801", "seen": "of 802"}
    plan = client.post("/admin/extensions/plan", data=form).get_data(as_text=True)
    assert "pop up at name 801" in plan and "stay those of name 802" in plan
    assert site.holder("2002") == ("802", None)
    assert client.post("/admin/extensions/save", data=form).status_code == 303
    assert site.holder("2002") == ("801", None)
    assert client.post("/admin/extensions/save", data=form | {"user": "803"}).status_code == 409
    history = client.get("/admin/extensions/hq/2002").get_data(as_text=True)
    assert "name 802" in history and "became somebody else" in history
    gone = form | {"whose": "remove", "seen": "of 801"}
    assert "leaves the list" in client.post("/admin/extensions/plan", data=gone).get_data(as_text=True)
    client.post("/admin/extensions/save", data=gone)
    assert client.get("/admin/extensions/hq/2002").status_code == 404


def test_two_users_on_one_extension_get_a_sentence_and_the_way_to_it(site: Site) -> None:
    form = {"exchange": "hq", "extension": "2002", "whose": "own", "user": "801", "new": "1"}
    answer = site.of(ADMIN).post("/admin/extensions/plan", data=form)
    assert answer.status_code == 422
    assert "that of user 802 (name 802)" in answer.get_data(as_text=True)


def test_extensions_that_rang_are_offered_and_pages_are_held_to_the_span(site: Site) -> None:
    site.office.rings(inbound(1, "0312345678", rang_extensions=["2001", "2019"]))
    listed = site.of(ADMIN).get("/admin/extensions").get_data(as_text=True)
    assert "/admin/extensions/new-extension?exchange=hq&amp;extension=2019" in listed and "FarPBX" in listed
    held = replace(ADMIN, scope=replace(ADMIN.scope, span=Span.BRANCH))
    assert "FarPBX" not in site.of(held).get("/admin/extensions").get_data(as_text=True)
    assert site.of(held).get("/admin/extensions/far/3001").status_code == 404
    assert site.of(held).post("/admin/extensions/far/3001/end").status_code == 404
    form = {"exchange": "far", "extension": "3001", "whose": "remove"}
    assert site.of(held).post("/admin/extensions/save", data=form).status_code == 404
    for path in ("/admin/extensions", "/admin/extensions/hq/2001"):
        assert site.of(REP).get(path).status_code == 403
    assert site.of(ADMIN).get("/telephone").status_code == 403


def test_who_took_it_is_entered_on_the_calls_page(site: Site) -> None:
    site.office.put(customer("100101", "+81312345678"))
    log = inbound(1, "0312345678", taker="2005")
    site.office.rings(log)
    client = site.of(REP)
    assert "Who took it?" in client.get("/calls?period=week").get_data(as_text=True)
    assert "I took it" in client.get(f"/calls/{log.id}").get_data(as_text=True)
    assert client.post(f"/calls/{log.id}/receiver", data={"user": "801"}).status_code == 303
    page = client.get(f"/calls/{log.id}").get_data(as_text=True)
    assert "Entered by hand: name 801." in page and "I took it" not in page


def test_a_pop_up_test_asks_the_daemon_and_says_whether_it_was_taken_up(site: Site) -> None:
    client = site.of(REP)
    asked = client.post("/me/pop-up-test").get_json()
    assert site.office.outbox("pop_up_test") == [{"user": "801", "number": asked["number"]}]
    assert client.get(asked["url"]).get_json() == {"done": False}
    with site.office.database.open(EVERYTHING) as work:
        for row in work.session.scalars(select(mapping.Outbox)):
            row.done_at = site.office.clock.now()
    assert client.get(asked["url"]).get_json() == {"done": True}
    assert site.of(viewer("802")).get(asked["url"]).get_json() == {"done": False}
