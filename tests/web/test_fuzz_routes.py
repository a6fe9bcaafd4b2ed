"""Every route with every kind of value, for every kind of user: whatever is sent, nothing breaks and nothing of what is
hidden comes back. Routes are those of the application, names of fields those that its pages and code know, so that a
new page is in it by itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_server.shared.viewer import Viewer
from cti_web.app import create_app
from tests.adapters.leak_world import World, everybody
from tests.web.test_leak_routes import COLLEAGUES, FORM, Silent, Site, make_site

PAGES = Path(__file__).parents[2] / "web" / "cti_web"
ASKED = re.compile(r"""request\.(?:form|args|values)(?:\.get(?:list)?)?[\[(]"(\w+)\"""")
INPUT = re.compile(r"""name="([\w.-]+)\"""")
STRANGE = (
    "",
    " ",
    "0",
    "-1",
    "1" * 40,
    "1e309",
    "NaN",
    "٣",
    "²",
    "\x00",
    "\ud7ff\U0010ffff",
    "‮",
    "' OR 1=1 --",
    "%",
    "_%\\",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "../../etc/passwd",
    "//evil.example/x",
    "https://evil.example/",
    "9999-99-99",
    "2026-02-30",
    "a" * 70_000,
    "電話",
    "\r\nSet-Cookie: x=y",
)


def names() -> list[str]:
    """Every name that a form or an address of the pages may carry."""
    found = {name for path in PAGES.glob("*.py") for name in ASKED.findall(path.read_text("utf-8"))}
    found |= {name for path in PAGES.glob("templates/**/*.html") for name in INPUT.findall(path.read_text("utf-8"))}
    return sorted(found - {"csrf_token", "viewport", "referrer"})


def routes(app: Flask) -> list[tuple[str, str]]:
    """(method, rule) of every route."""
    return sorted(
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in (rule.methods or set()) & {"GET", "POST"}
    )


class Door:
    """The real accounts, at which whoever the test says is signed in already."""

    now: Viewer | None = None

    def __init__(self, real: Any) -> None:
        self._real = real

    def viewer_of(self, token: str) -> Viewer | None:
        """Whoever it is."""
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def with_accounts(site: Site) -> Site:
    """The same site with real accounts behind it."""
    site.app.extensions["yobirin.accounts"] = site.accounts = Door(real_accounts(site))  # type: ignore[assignment]
    return site


def real_accounts(site: Site) -> Any:
    office = site.world.office
    app = create_app(office.database, site.app.extensions["yobirin.settings"], office.clock, Silent())  # type: ignore[arg-type]
    return app.extensions["yobirin.accounts"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return with_accounts(make_site(tmp_path_factory.mktemp("fuzz")))


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """For who may do everything: what they do changes who may see what."""
    return with_accounts(make_site(tmp_path_factory.mktemp("open")))


def known(world: World) -> list[str]:
    """Values that stand for something: of every kind, seen or not."""
    calls = [call.log.id for call in world.calls[::3]]
    people = [one.code for one in world.everyone[::3]]
    return [*calls, *people, "1", "2", "801", "802", "121", "122", "hq", "far", "2001", "2026-01-01", *FORM.values()]


def requests(site: Site) -> st.SearchStrategy[tuple[str, str, dict[str, str]]]:
    """(method, address, fields) of any request."""
    values = st.one_of(st.sampled_from(known(site.world)), st.sampled_from(STRANGE), st.text(max_size=30))
    fields = st.dictionaries(st.sampled_from([*names(), "item-²", "item-" + "9" * 5000]), values, max_size=7)
    inside = values.filter(lambda text: text and "/" not in text and len(text) < 500)

    @st.composite
    def request(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
        method, rule = draw(st.sampled_from(routes(site.app)))
        numbers = st.integers(0, 2**70).map(str)

        def part(found: re.Match[str]) -> str:
            return quote(draw(st.one_of(st.sampled_from("123"), numbers) if found[1] else inside))

        return method, re.sub(r"<(int:)?\w+>", part, rule), {**(FORM if draw(st.booleans()) else {}), **draw(fields)}

    return request()


def ask(site: Site, who: Viewer, method: str, path: str, fields: dict[str, str], target: str) -> tuple[int, str]:
    headers: dict[str, Any] = {"HX-Request": "true", "HX-Target": target} if target else {}
    client = site.client(who)
    asked = {"query_string": fields} if method == "GET" else {"data": fields}
    answer = client.open(path, method=method, headers=headers, **asked)  # type: ignore[arg-type]
    location = answer.headers.get("Location", "")
    assert not re.match(r"(?:https?:)?//(?!localhost)", location), (path, location)
    assert "\n" not in location and "x=y" not in answer.headers.get("Set-Cookie", "")
    return answer.status_code, answer.get_data(as_text=True)


EVERYBODY = everybody()
MANY = settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
"""The same requests each time: a build does not depend on the dice. Other ones are tried by hand, with more of them."""


def trial(site: Site, data: st.DataObject, who: Viewer) -> list[str]:
    """One request; the hidden words in its answer that the request did not name."""
    method, path, fields = data.draw(requests(site))
    target = data.draw(st.sampled_from(["", "", "y-page", "y-list", "y-dialog", "nonsense"]))
    status, text = ask(site, who, method, path, fields, target)
    assert status < 500 or status == 503, (method, path, fields, text[-2000:])
    assert "<script>alert(1)</script>" not in text
    asked = f"{path} {fields}"
    return [word for word in site.world.forbidden(who.scope) if word not in asked and word in COLLEAGUES.sub("", text)]


@MANY
@given(st.data())
def test_whatever_is_sent_by_whoever_nothing_hidden_comes_back(site: Site, data: st.DataObject) -> None:
    who = data.draw(st.sampled_from(EVERYBODY))
    assert trial(site, data, who) == []


@MANY
@given(st.data())
def test_whatever_is_sent_by_who_may_do_everything_nothing_breaks(open_site: Site, data: st.DataObject) -> None:
    trial(open_site, data, open_site.world.chief)
