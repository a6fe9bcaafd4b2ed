"""The phases pages: a deal from its beginning to its end in the browser's words, set-up, and the overview."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cti_server.settings import Settings
from cti_server.shared.viewer import Viewer
from cti_web.app import create_app
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import NUMBER, Firm, admin
from tests.adapters.storage_rig import inbound
from tests.web.test_leak_routes import Everyone, Silent


class Site:
    """The application over a small firm."""

    made: type[Firm] = Firm

    def __init__(self, folder: Path) -> None:
        self.firm = self.made(folder)
        self.accounts = Everyone()
        settings = Settings.model_validate({"server": {"data_dir": str(folder)}})
        made: Any = create_app
        self.app: Flask = made(self.firm.database, settings, self.firm.clock, Silent(), accounts=self.accounts)
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    def client(self, who: Viewer) -> FlaskClient:
        self.accounts.now = who
        client = self.app.test_client()
        client.set_cookie("yobirin", "t")
        return client

    def page(self, who: Viewer, path: str, status: int = 200) -> str:
        answer = self.client(who).get(path)
        assert answer.status_code == status, path
        return re.sub(r"\s+", " ", answer.get_data(as_text=True))

    def post(self, who: Viewer, path: str, status: int = 303, **form: Any) -> str:
        answer = self.client(who).post(path, data=form)
        assert answer.status_code == status, (path, answer.get_data(as_text=True)[:2000])
        return answer.headers.get("Location", "")


def english(user: str = "801", **more: Any) -> Viewer:
    return viewer(user, language="en", **more)


BOSS = english("990", role="administrator", branch="122", extensions=())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_deal_from_its_beginning_to_the_next_member(site: Site) -> None:
    service = site.firm.sets_up()
    rep = english()
    assert "Nothing to do just now" in site.page(rep, "/phases")
    assert "Open the deal" in site.page(rep, "/phases/open/100101")
    new = {"service": service.id, "title": "Cloud", "source": "web", "size": "small"}
    where = site.post(rep, "/phases/open/100101", first_contact="2027-01-10", **new)
    assert where == "/phases/1"
    page = site.page(rep, "/phases")
    assert "name 100101" in page and "To find out: Plans." in page and "0 of 1 (0 %)" in page
    plans = service.phases[0].items[0].id
    site.post(rep, f"/phases/1/type/{plans}", 204, **{f"item-{plans}": "a new sh"})
    assert "a new sh</textarea>" in site.page(rep, "/phases/1") and "not saved" in site.page(rep, "/phases/1")
    form = {f"item-{item.id}": "" for item in service.phases[0].items} | {f"item-{plans}": "a new shop"}
    assert site.post(rep, "/phases/1/save", then="next", **form) == "/phases/1/next"
    page = site.page(rep, "/phases/1/next")
    assert "Nurturing is done. Next: Closing" in page and "name 802" in page and "Holds 0 of 20 customers." in page
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    assert site.post(rep, "/phases/1/hand-on", version=version[1], member="802") == "/phases"
    site.page(rep, "/phases/1", 404)
    assert "name 100101" in site.page(english("802"), "/phases")


def test_the_contract_and_its_value(site: Site) -> None:
    service = site.firm.sets_up()
    deal = site.firm.opens(service)
    site.firm.moves(deal, picked="802")
    closer = english("802")
    page = site.page(closer, f"/phases/{deal}/next")
    assert "Standard (¥100,000)" in page and "The contract" in page
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    sign = {"version": version[1], "member": "801", "start": "2027-01-10"}
    site.post(closer, f"/phases/{deal}/hand-on", 422, price="much", **sign)
    site.post(closer, f"/phases/{deal}/hand-on", plan=service.plans[0].id, **sign)
    page = site.page(english(), f"/phases/{deal}")
    assert "¥2,400,000" in page and "100,000 × 24 months" in page
    site.post(english(), f"/phases/{deal}/cancel", end="2027-07-10", reason="left")
    assert "¥600,000" in site.page(english(), f"/phases/{deal}")
    site.post(english(), f"/phases/{deal}/reopen")
    page = site.page(english(), f"/phases/{deal}")
    assert "¥2,400,000" in page and "It is over" not in page


def test_actions_and_what_comes_later(site: Site) -> None:
    deal = site.firm.opens(site.firm.sets_up())
    rep = english(extensions=())
    assert "Begin: Call" in site.page(rep, f"/phases/{deal}"), "no telephone here: it is only noted"
    site.post(rep, f"/phases/{deal}/begin", kind="visit")
    action = re.search(r'name="action" value="(\d+)"', site.page(rep, f"/phases/{deal}"))
    assert action is not None
    site.post(rep, f"/phases/{deal}/finish", action=action[1], note="showed it")
    site.post(rep, f"/phases/{deal}/log", kind="mail in", note="asks for a price")
    page = site.page(rep, f"/phases/{deal}")
    assert "showed it" in page and "Mail from the customer" in page
    site.post(rep, f"/phases/{deal}/put-off", day="2027-02-01")
    assert "from 1 Feb" in site.page(rep, "/phases")
    site.post(rep, f"/phases/{deal}/lose", reason="too dear")
    assert "too dear" in site.page(rep, f"/phases/{deal}")


def test_an_administrator_sets_a_service_up(site: Site) -> None:
    assert "No service is set up yet" in site.page(BOSS, "/admin/phases")
    terms = {"currency": "JPY", "months": "24", "factor": "1", "rule": "sum", "shown": "2", "complete_at": "80"}
    where = site.post(BOSS, "/admin/phases", name="Cloud", phases="First\nLast\n", patience="24", **terms)
    assert where == "/admin/phases/1"
    site.post(BOSS, f"{where}/plan", name="Standard", price="１００,０００")
    site.post(BOSS, f"{where}/item", phase="1", label="Size", kind="choice", choices="one", status=422)
    site.post(BOSS, f"{where}/item", phase="1", label="Size", kind="choice", choices="one\ntwo", required="on")
    site.post(BOSS, f"{where}/phase", name="More", action="visit")
    site.post(BOSS, f"{where}/phase/3/move", by="-1")
    page = site.page(BOSS, where)
    assert "¥100,000 a month" in page and page.index(">First<") < page.index(">More<") < page.index(">Last<")
    site.post(BOSS, "/admin/phases/unit", name="Inside", phases=["1"])
    week = {f"from-{day}": "09:00" for day in range(5)} | {f"until-{day}": "17:30" for day in range(5)}
    week |= {"from-5": "10:00", "until-5": "12:00"}
    away: dict[str, Any] = {
        "away_from": ["2027-05-03", "2027-02-01", ""],
        "away_until": ["2027-05-05", "2027-02-05", ""],
    }
    site.post(BOSS, "/admin/phases/member", user="801", unit="1", capacity="5", phases=["2"], **week, **away)
    page = site.page(BOSS, "/admin/phases")
    assert "up to 5 customers" in page and "absence entered" in page and 'value="2027-02-05"' in page
    with site.firm.at(admin()) as desk:
        (member,) = desk.set_up().members
        assert member.works == {1, 2}
        assert member.staffing.hours is not None and len(member.staffing.absences) == 2
        assert [str(at) for at in member.staffing.hours.week[5]] == ["10:00:00", "12:00:00"]
        assert 6 not in member.staffing.hours.week
    half = {"user": "801", "capacity": "5"}
    site.post(BOSS, "/admin/phases/member", 422, **half, **{"from-0": "09:00", "until-0": ""})
    site.post(BOSS, "/admin/phases/member", 422, **half, **{"from-0": "09:00", "until-0": "08:00"})
    site.post(BOSS, "/admin/phases/member", 422, **half, away_from="2027-02-05", away_until="2027-02-01")
    site.post(BOSS, "/admin/phases/member", user="801", unit="1", capacity="5", phases=["2"], **week)
    with site.firm.at(admin()) as desk:
        assert desk.set_up().members[0].staffing.absences == (), "an emptied row is removed"
    site.post(BOSS, where, name="Cloud 2", version="1", by_success_days="on", **terms)
    site.post(BOSS, where, 409, name="Cloud 3", version="1", **terms)
    site.page(english(), "/admin/phases", 403)


def test_a_member_who_is_away_or_gone_with_open_deals_is_told_of(site: Site) -> None:
    service = site.firm.sets_up()
    site.firm.opens(service)
    today = datetime.fromtimestamp(site.firm.clock.now(), ZoneInfo("Asia/Tokyo")).date()
    first, last = str(today - timedelta(days=1)), str(today + timedelta(days=3))
    phases = [str(one.id) for one in service.phases]

    def said(**form: Any) -> str:
        client = site.client(BOSS)
        answer = client.post("/admin/phases/member", data={"user": "801", "capacity": "5", "phases": phases} | form)
        assert answer.status_code == 303
        return str(client.get(answer.headers["Location"]).get_data(as_text=True))

    boss, far = (
        english(user, role="branch manager", branch=branch) for user, branch in (("700", "121"), ("701", "122"))
    )
    assert "who is away" not in site.page(boss, "/phases/overview")
    assert "stays with them" not in said(away_from=str(today + timedelta(days=-9)), away_until=first), "it is over"
    assert "1 open deal stays with them while they are away: name a stand-in" in said(away_from=first, away_until=last)
    page = site.page(boss, "/phases/overview")
    assert "1 open deal of a member who is away" in page and "name 801 is back" in page
    other = replace(far, scope=replace(far.scope, branch="122"))
    assert "who is away" not in site.page(other, "/phases/overview")
    assert "1 open deal stays theirs until somebody takes it over" in said(act="remove")


def test_a_manager_sees_the_funnel_and_the_paths_behind_it(site: Site) -> None:
    service = site.firm.sets_up()
    deal = site.firm.opens(service)
    site.firm.moves(deal, picked="802")
    boss = english("700", role="branch manager", extensions=())
    page = site.page(boss, "/phases/overview")
    assert "Cloud" in page and "1 of 1 handed on" in page and "1 (100 %)" in page
    page = site.page(boss, f"/phases/overview/{service.id}/{service.phases[0].id}/801")
    assert "name 100101" in page and "name 801" in page
    site.page(boss, f"/phases/overview/{service.id}/{service.phases[0].id}/803", 404)
    site.page(english(), "/phases/overview", 403)
    other = english("811", role="branch manager", branch="122", extensions=())
    assert "name 801" not in site.page(other, "/phases/overview")


def test_a_customers_deal_is_a_step_away_from_its_card_and_its_call(site: Site) -> None:
    deal = site.firm.opens(site.firm.sets_up(), title="Cloud for the shop")
    assert f'href="/phases/{deal}"' in site.page(english(), "/customers/100101")
    site.firm.rings(inbound(1, NUMBER))
    with site.firm.desk(english()) as desk:
        (item,) = desk.worklist().items
    page = site.page(english(), f"/desk/{item.id}")
    assert f'href="/phases/{deal}"' in page and "Cloud for the shop: Nurturing" in page
    site.post(english(), f"/phases/{deal}/lose", reason="no")
    assert "Cloud for the shop: Nurturing" not in site.page(english(), f"/desk/{item.id}")


def test_a_manager_tries_another_rule_on_the_past(site: Site) -> None:
    service = site.firm.sets_up()
    for _deal in range(3):
        deal = site.firm.opens(service)
        site.post(english(), f"/phases/{deal}/lose", reason="no")
    boss = english("700", role="branch manager", extensions=())
    path = f"/phases/overview/{service.id}/try"
    assert "in use" in site.page(boss, path)
    page = site.page(boss, f"{path}?rule=source")
    assert "3 past deals" in page and "too few customers to say anything" in page
    site.page(boss, f"{path}?rule=best", 422)
    other = english("811", role="branch manager", branch="122", extensions=())
    assert "0 past deals" in site.page(other, f"{path}?rule=source"), "nothing of another branch's customers"
