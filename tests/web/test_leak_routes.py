"""Nothing leaks by any route: every page, fragment, act and export of the application, for every span, class limit and
authority (spec C4). The world in which everything has a word of its own is that of the desk's leak tests."""

from __future__ import annotations

import difflib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cti_server.settings import Settings
from cti_server.shared.scope import Label, Span
from cti_server.shared.viewer import Viewer
from cti_web.app import create_app
from tests.adapters.leak_world import FAR, World, everybody
from tests.web.pages import FakeFactors

LISTS = (
    "/",
    "/admin/exchanges",
    "/admin/exchanges/new-exchange",
    "/admin/exchanges/new-exchange?kind=ami",
    "/admin/extensions",
    "/admin/extensions?kind=seated&q=20",
    "/admin/extensions/new-extension",
    "/admin/profiles",
    "/bell",
    "/bell/count",
    "/board",
    "/board/121",
    "/board/122",
    "/calls?period=7",
    "/compliance/claims",
    "/compliance/claims?state=all&branch=122&by=999",
    "/compliance/claims.csv",
    "/compliance/coverage",
    "/compliance/rules",
    "/compliance/exemptions",
    "/compliance/audit?period=month",
    "/compliance/audit?period=month&by=999",
    "/compliance/erasures",
    "/compliance/erasures?state=all",
    "/compliance/exemptions?state=all",
    "/compliance/coverage?period=month&standing=all",
    "/compliance/coverage?rep=804&standing=all&class=1",
    "/compliance/coverage.csv?standing=all",
    "/compliance/requests",
    "/compliance/requests?state=all&branch=122&to=801",
    "/customers",
    "/customers?q=Name",
    "/desk",
    "/desk?tab=team",
    "/desk?tab=waiting",
    "/desk?tab=done",
    "/desk/today",
    "/lookup/nobody",
    "/phases",
    "/phases/overview",
    "/mailbox",
    "/me",
    "/report?period=7",
    "/report.csv?period=7",
    "/sim",
    "/telephone",
    "/telephone/pill",
    "/unregistered",
)
ABOUT_NOBODY = {
    "signin",
    "second_factor",
    "oidc",
    "me",
    "users",
    "roles",
    "stand_ins",
    "questionnaire",
    "tokens",
    "static",
    "api",
    "phases_setup",
    "phases_import",
}
"""Rooms in which nothing of a customer or a call is; and what only tokens or links open (tests/web/test_api.py,
test_questionnaires.py)."""
FORM = {
    "name": "New",
    "code": "710110",
    "customer": "710110",
    "rep": "801",
    "to": "802",
    "user": "802",
    "until": "2030-01-01",
    "reason": "x",
    "note": "x",
    "kind": "contact",
    "channel": "phone",
    "result": "spoke",
    "subject": "s",
    "body": "b",
    "version": "1",
    "q": "Name",
    "numbers": "03-9999-0009",
    "branch": "121",
    "class": "3",
}
NOT_THERE = {
    "exchange": "nonsense",
    "extension": "9999",
    "act": "pause",
    "call": "hq-1.1",
    "deal": "99999",
    "proposal": "99999",
    "trial": "99999",
    "rule": "99999",
    "erasure": "99999",
    "hold": "99999",
    "service": "99999",
    "deal_import": "nonsense",
    "phase": "99999",
    "member": "nonsense",
    "claim": "99999",
    "view": "99999",
    "name": "nonsense",
    "stand_in": "99999",
    "link": "99999",
    "answer": "99999",
    "token": "nonsense",
    "exemption": "99999",
    "asked": "99999",
    "item": "99999",
    "code": "nonsense",
    "number": "0399990099",
    "profile": "nonsense",
}


COLLEAGUES = re.compile(r"<select.*?</select>", re.DOTALL)
"""Filters name colleagues; who works here is no secret, what they did is."""


Whole = tuple[int, list[str], str]
"""Status, headers and text of an answer."""


@dataclass
class Everyone:
    """Accounts in which whoever the test says is signed in."""

    now: Viewer | None = None

    second_factors = FakeFactors()

    def viewer_of(self, token: str) -> Viewer | None:
        return self.now

    def stand_ins(self, *_: object) -> tuple[list[object], dict[str, str]]:
        return [], {}

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: {}


class Silent:
    def wake(self, rows: list[int]) -> None:
        """Nobody is told."""


@dataclass
class Site:
    world: World
    app: Flask
    accounts: Everyone

    def client(self, who: Viewer) -> FlaskClient:
        self.accounts.now = who
        client = self.app.test_client()
        client.set_cookie("yobirin", "t")
        return client


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("routes"))


def make_site(folder: Path) -> Site:
    """The application over a world of its own."""
    world = World(folder)
    accounts = Everyone()
    settings = Settings.model_validate({"server": {"data_dir": str(folder)}})
    app = create_app(world.office.database, settings, world.office.clock, Silent(), accounts=accounts)  # type: ignore[arg-type]
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    return Site(world, app, accounts)


# One in five: each span, class limit and authority is among them, each with others. The desk's own matrix has them all.
everyone = pytest.mark.parametrize("who", everybody()[::5], ids=lambda who: who.role)


def said(answer: TestResponse, *names: str) -> tuple[int, str, str]:
    """What an answer tells: status, where it leads and its text, without the thing that was asked for."""
    text = answer.get_data(as_text=True)
    location = answer.headers.get("Location", "")
    for name in names:
        text, location = text.replace(f"/{name}", "/…"), location.replace(f"/{name}", "/…")
    return answer.status_code, location, re.sub(r'name="(undo|key)" value="[^"]*"', "", text)


def routes(app: Flask) -> list[tuple[str, str]]:
    """(method, rule) of every route that names a call, an item, a customer or a number."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in ABOUT_NOBODY or not rule.arguments & NOT_THERE.keys():
            continue
        if str(rule).startswith("/board/"):
            continue  # its code is a branch's; the boards are among the lists
        found += [(method, str(rule)) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return sorted(found)


def address(rule: str, things: dict[str, str]) -> str:
    return re.sub(r"<(?:int:)?(\w+)>", lambda hit: things[hit[1]], rule)


def test_every_route_is_walked(site: Site) -> None:
    walked = {rule for _, rule in routes(site.app)} | {path.partition("?")[0] for path in LISTS}
    left = {
        str(rule)
        for rule in site.app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in ABOUT_NOBODY and str(rule) not in walked
    }
    assert left == {
        "/admin/exchange-tests/<int:test_id>",  # tests/web/test_exchange_pages.py
        "/admin/exchanges/new-exchange/test",
        "/admin/foldings/<int:folding>",  # tests/web/test_refolding_pages.py
        "/compliance/views",  # tests/web/test_compliance_coverage.py
        "/admin/profiles/save",  # tests/web/test_profile_saving.py
        "/admin/extensions/plan",  # tests/web/test_telephone_pages.py
        "/admin/extensions/save",
        "/phases/take",  # tests/adapters/test_phases.py
        "/sim/live",  # tests/web/test_sim_live.py
        "/telephone/leave",
        "/telephone/take",
        "/compliance/coverage/evidence",
        "/compliance/evidence",  # of a list: tests/web/test_compliance_evidence.py; of a call: below
        "/board/<code>",  # these below
        "/customers/find",
        "/customers/suggest",
        "/desk/undo",
        "/lookup",
    }


@everyone
def test_no_page_or_export_shows_what_is_hidden(site: Site, who: Viewer) -> None:
    client = site.client(who)
    forbidden, masked = site.world.forbidden(who.scope), site.world.masked(who.scope)
    answers = {path: client.get(path, headers={"Accept-Language": "en"}) for path in LISTS}
    for text in ("Name7", "710110", "8888", "+81377778888"):
        answers[f"find {text}"] = client.post("/customers/find", data={"q": text})
        answers[f"suggest {text}"] = client.post("/customers/suggest", data={"q": text})
    for call in site.world.seen(who.scope)[::3]:
        answers[call.log.id] = client.get(f"/calls/{call.log.id}")
        answers[f"trail {call.log.id}"] = client.get(f"/compliance/trail/{call.log.id}")
        answers[f"asked {call.log.id}"] = client.get(f"/compliance/trail/{call.log.id}/requests")
        answers[f"pack {call.log.id}"] = client.post(f"/compliance/evidence/{call.log.id}", buffered=True)
    for one in site.world.everyone[::4]:
        if who.scope.admits(one.label):
            answers[one.code] = client.get(f"/customers/{one.code}")
            answers[f"deal {one.code}"] = client.get(f"/phases/{site.world.deals[one.code]}")
            if one.code in site.world.requests:
                answers[f"request {one.code}"] = client.get(f"/desk/requests/{site.world.requests[one.code]}")
    for name, answer in answers.items():
        assert answer.status_code < 500, name
        text = COLLEAGUES.sub("", text_of(answer))
        assert not [word for word in forbidden if word in text], name
        assert not [word for word in masked if word in text], name


def text_of(answer: TestResponse) -> str:
    """What an answer says; of a ZIP what its files say, and their names."""
    if answer.mimetype != "application/zip":
        return answer.get_data(as_text=True)
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as pack:
        return "\n".join([*pack.namelist(), *(pack.read(name).decode() for name in pack.namelist())])


@everyone
def test_what_is_hidden_answers_as_what_is_not_there(site: Site, who: Viewer) -> None:
    client = site.client(who)
    seen = site.world.seen(who.scope)
    calls = [call.log.id for call in site.world.calls if call not in seen]
    people = [one for one in site.world.everyone if not who.scope.admits(one.label)]
    known = {one.number for one in site.world.everyone if who.scope.admits(one.label)}
    hidden = {
        "exchange": [FAR] if who.scope.span is Span.BRANCH else [],
        "call": calls[::9],
        "item": [str(item) for item in items_of(site.world, calls)[::9]],
        "claim": [str(site.world.claims[one.code]) for one in people if one.code in site.world.claims][::5],
        "asked": [str(site.world.requests[one.code]) for one in people if one.code in site.world.requests][::5],
        "code": [one.code for one in people[::9]],
        "deal": [str(site.world.deals[one.code]) for one in people][::9],
        "service": [],  # nothing of customers; the sums on its page are the desk's to hold back
        "proposal": [],  # the same of the sums behind it
        "trial": [],
        "rule": [],
        "erasure": [str(site.world.erasures[one.code]) for one in people if one.code in site.world.erasures][::5],
        "hold": [str(site.world.holds[one.code]) for one in people if one.code in site.world.holds][::5],
        "exemption": [str(site.world.exemptions[call]) for call in calls if call in site.world.exemptions][::9],
        "view": [],  # a user's own, or shared with who sees as much
        "profile": [],  # of a make, of nobody
        "number": [f"0{one.number[3:]}" for one in people[::9] if one.number not in known],
    }
    for method, rule in routes(site.app):
        name = re.findall(r"<(?:int:)?(\w+)>", rule)[0]
        ask = client.get if method == "GET" else client.post
        form = {} if method == "GET" else {"data": FORM}
        nothing = said(ask(address(rule, NOT_THERE), **form), NOT_THERE[name])
        assert nothing[0] < 500, rule
        for one in hidden[name]:
            assert said(ask(address(rule, NOT_THERE | {name: one}), **form), one) == nothing, (rule, one)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A firm of its own, in which things go on happening."""
    return make_site(tmp_path_factory.mktemp("busy"))


@everyone
def test_what_happens_to_the_hidden_changes_no_page_not_by_a_byte(busy: Site, who: Viewer) -> None:
    """Counts, badges, sizes, orders, totals and headers: a page is the same before and after."""
    hidden = [one for one in busy.world.people if not who.scope.admits(one.label)]
    nobody = not who.scope.admits(Label("unregistered", "122"))
    if not hidden and not nobody:
        pytest.skip("nothing is hidden from who may see everything")
    client = busy.client(who)
    before = everything(client, busy, who)
    for one in hidden[::3]:
        busy.world.happens_to(one)
    if nobody:
        busy.world.strange_call("122")
    after = everything(client, busy, who)
    assert [(path, told(before[path], answer)) for path, answer in after.items() if answer != before[path]] == []


def told(before: Whole, after: Whole) -> list[str]:
    """The lines in which two answers differ."""
    lines = [[str(one[0]), *one[1], *one[2].splitlines()] for one in (before, after)]
    return [line for line in difflib.unified_diff(*lines, lineterm="", n=0) if line[:2] not in ("--", "++", "@@")]


def everything(client: FlaskClient, site: Site, who: Viewer) -> dict[str, Whole]:
    """What the viewer can have shown: status, headers and text of each page."""
    seen = [call.log.id for call in site.world.seen(who.scope)[::4]]
    # The whole trail has the reader's own looks, those of this walk too; that of who acts meanwhile has not.
    lists = [path for path in LISTS if path != "/compliance/audit?period=month"]
    paths = [*lists, *(f"/calls/{call}" for call in seen), *(f"/compliance/trail/{call}" for call in seen)]
    paths += [f"/customers/{one.code}" for one in site.world.everyone[::5] if who.scope.admits(one.label)]
    return {path: whole(client.get(path, headers={"Accept-Language": "en"})) for path in paths}


def whole(answer: TestResponse) -> Whole:
    """An answer without what is drawn by lot for each one."""
    text = re.sub(
        r'name="(undo|key|csrf_token|csrf-token)"[^>]* (value|content)="[^"]*"', "", answer.get_data(as_text=True)
    )
    headers = [f"{name}: {value}" for name, value in answer.headers if name not in ("Set-Cookie", "Date")]
    return answer.status_code, headers, text


def items_of(world: World, calls: list[str]) -> list[int]:
    """The items of which the viewer sees no call."""
    from tests.adapters.test_leaks import _items

    return sorted(_items(world, calls))
