"""API tokens: what one opens and what it doesn't, and what is said where it is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from cti_adapters.sealing import FolderSealer
from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.signin_rows import ApiTokenRow
from cti_server.identity.tokens import DAY, STREAM, OutOfScope, TokenRefused
from cti_server.settings import Settings
from cti_server.shared.errors import Invalid, NotFound, Unavailable
from cti_server.shared.scope import EVERYTHING
from cti_web.app import create_app
from tests.adapters.desk_rig import Office
from tests.adapters.storage_rig import NOW, CheapHasher, customer, inbound
from tests.web.test_signin import PASSWORD, Outbox, sign_in, token_of

HERE = "192.0.2.7"


class House(Office):
    """An office with the application over its database: a rep, a manager, and a call of a customer each."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put(customer("100101", "+81355550142"), customer("100102", "+81355550143", rep="802"))
        self.rings(inbound(1, "0355550142", at=NOW - 600), inbound(2, "0355550143", at=NOW - 500))
        settings = Settings.model_validate({"server": {"data_dir": folder, "language": "en"}})
        self.accounts = accounts(self.database, self.clock, hasher=CheapHasher(), sealer=FolderSealer(folder))
        for user in ("801", "700"):
            self.accounts.set_password(user, PASSWORD)
            self.accounts.set_preferences(self.accounts.viewer(user), language="en")
        self.app: Flask = create_app(self.database, settings, self.clock, Outbox(), accounts=self.accounts)

    def token(self, *scopes: str, user: str = "801", days: int = 30) -> str:
        return self.accounts.tokens.make(user, f"for {' '.join(scopes)}", scopes, days, user)[0]

    def get(self, path: str, token: str | None, **more: Any) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.app.test_client().get(path, headers=headers, environ_base={"REMOTE_ADDR": HERE}, **more)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


def problem(answer: Any, status: int) -> Any:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status and answer.json["title"]
    return answer.json


def test_a_token_reads_what_its_user_may_see_and_nothing_else(house: House) -> None:
    token = house.token("calls", "customers")
    found = house.get("/api/calls", token).json
    assert [one["customers"][0]["code"] for one in found["calls"]] == ["100101"]
    assert found["next"] is None
    call = found["calls"][0]["id"]
    assert house.get(f"/api/calls/{call}", token).json["trail"]
    assert house.get("/api/customers/100101", token).json["numbers"][0]["number"] == "03-5555-0142"
    others = [one.id for one in house.accounts.users() if one.id != "801"]
    assert others
    for path in ("/api/customers/100102", "/api/customers/nobody", "/api/calls/nothing"):
        problem(house.get(path, token), 404)
    assert house.get("/api/customers/100102", token).json == house.get("/api/customers/nobody", token).json
    with house.database.open(EVERYTHING) as work:
        theirs = next(one for one in work.session.scalars(select(mapping.Call.id)) if one != call)
    house.accounts.set_role("801", "compliance reviewer")
    reviewer = house.token("audit")
    house.accounts.set_role("801", "rep")
    for token_, rest in ((token, ""), (reviewer, "/trail")):
        same = [house.get(f"/api/calls/{one}{rest}", token_) for one in (theirs, "nothing")]
        assert same[0].json == same[1].json and same[0].status_code == same[1].status_code
    assert theirs not in house.get("/api/calls?limit=200", token).text
    me = house.get("/api/me", token).json
    assert (me["login"], me["token"]["scopes"]) == ("801", ["calls", "customers"])


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/api/calls", "calls"),
        ("/api/calls/x", "calls"),
        ("/api/calls/x/trail", "audit"),
        ("/api/customers/100101", "customers"),
        ("/report.csv", "report"),
    ],
)
def test_a_token_out_of_scope_is_told_which_scope_it_lacks(house: House, path: str, scope: str) -> None:
    said = problem(house.get(path, house.token("live")), 403)
    assert said["scope"] == scope
    assert f"lacks the scope “{scope}”; it has live" in said["detail"]


def test_a_scope_is_not_enough_without_the_right_of_the_user(house: House) -> None:
    token = house.token("report", user="700")
    assert house.get("/report.csv", token).status_code == 200
    house.accounts.set_role("700", "rep")
    assert "export lists" in problem(house.get("/report.csv", token), 403)["detail"]
    with pytest.raises(Invalid, match="takes the right “export”"):
        house.token("report")
    with pytest.raises(Invalid, match="takes the right “audit”"):
        house.token("audit", user="700")


def test_an_export_stands_in_the_trail_with_the_tokens_name_and_so_does_a_look(house: House) -> None:
    house.get("/report.csv", house.token("report", user="700"))
    assert [row.detail["token"] for row in house.trail("exported")] == ["for report"]
    house.get("/api/customers/100101", house.token("customers"))
    assert [row.detail.get("token") for row in house.trail("opened")] == ["for customers"]


@pytest.mark.parametrize("path", ["/api/me", "/api/calls", "/api/nothing", "/report.csv", "/desk", "/nowhere"])
@pytest.mark.parametrize("token", ["yob_nothing", "", "yob_" + "\u00e9" * 9])
def test_a_token_that_is_none_is_told_so(house: House, path: str, token: str) -> None:
    answer = house.get(path, token)
    if path in ("/desk", "/nowhere"):
        problem(answer, 403)  # no token opens it, whichever
    else:
        assert "not known here" in problem(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Yobirin", error="invalid_token"'


def test_without_a_token_the_api_says_what_to_bring_even_to_who_is_signed_in(house: House) -> None:
    browser = house.app.test_client()
    sign_in(browser, "801")
    answer = browser.get("/api/calls")
    assert "Bring an API token" in problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Yobirin"'


def test_expired_revoked_and_of_nobody_are_told_apart(house: House) -> None:
    token = house.token("calls", days=1)
    house.clock.at += DAY
    assert "expired on 2027-01-16" in problem(house.get("/api/calls", token), 401)["detail"]
    other = house.token("customers")
    house.accounts.tokens.revoke(house.accounts.tokens.mine(house.accounts.viewer("801"))[0].id, "801", "801")
    assert "revoked" in problem(house.get("/api/customers/100101", other), 401)["detail"]
    third = house.token("live")
    house.accounts.set_active("801", False)
    assert problem(house.get("/api/me", third), 401)
    house.accounts.set_active("801", True)
    assert "revoked" in problem(house.get("/api/me", third), 401)["detail"]  # it ended with the user


@pytest.mark.parametrize("path", ["/desk", "/me", "/calls", "/report", "/signin", "/me/tokens"])
def test_a_token_opens_no_page_and_makes_no_cookie(house: House, path: str) -> None:
    token = house.token("calls", "customers", "live")
    browser = house.app.test_client()
    sign_in(browser, "801")
    answer = browser.get(path, headers={"Authorization": f"Bearer {token}"})
    assert "No API token opens this" in problem(answer, 403)["detail"]
    for opened in (house.get("/api/calls", token), house.get("/api/me", token)):
        assert opened.status_code == 200 and "Set-Cookie" not in opened.headers


def test_no_route_that_a_token_opens_changes_anything_but_the_one_that_is_told_of_use(house: House) -> None:
    opened = {
        rule.rule: rule.methods
        for rule in house.app.url_map.iter_rules()
        if hasattr(house.app.view_functions[rule.endpoint], "token_scope")
    }
    assert "/report.csv" in opened and "/api/calls" in opened
    assert opened.pop("/api/usage/<int:service>") == {"POST", "OPTIONS"}
    assert all(methods == {"GET", "HEAD", "OPTIONS"} for methods in opened.values())
    documented = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    assert "POST /api/usage/<service>" in documented
    for rule in opened.keys() - {"/api/<path:_other>"}:
        assert f"GET {re.sub('<call>', '<id>', rule)}" in documented


def test_a_token_that_is_no_good_is_slowed_down_and_a_good_one_never(house: House) -> None:
    token = house.token("calls")
    statuses = [house.get("/api/calls", "yob_wrong").status_code for _ in range(25)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert house.get("/api/calls", "yob_wrong").headers["Retry-After"] == "60"
    assert house.get("/api/calls", token).status_code == 200
    assert house.get("/signin", None).status_code == 200


@pytest.mark.parametrize(
    "asked", ["from=yesterday", "from=2026-11-26T09:00:00", "limit=0", "limit=201", "limit=x", "direction=up"]
)
def test_what_is_asked_wrongly_gets_a_sentence(house: House, asked: str) -> None:
    detail = problem(house.get(f"/api/calls?{asked}", house.token("calls")), 422)["detail"]
    assert f"“{asked.partition('=')[0]}”" in detail


def test_calls_are_filtered_and_paged(house: House) -> None:
    house.rings(*(inbound(number, "0355550142", at=NOW - 400 + number) for number in range(3, 9)))
    token = house.token("calls")
    seen: list[str] = []
    after = ""
    while True:
        page = house.get(f"/api/calls?limit=3&from={NOW - 600:.0f}{after}", token).json
        seen += [one["id"] for one in page["calls"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 7
    assert house.get("/api/calls?to=2020-01-01T00:00:00%2B09:00", token).json["calls"] == []


def test_a_reviewer_reads_the_whole_trail(house: House) -> None:
    house.accounts.set_role("700", "compliance reviewer")
    token = house.token("audit", user="700")
    with house.database.open(EVERYTHING) as work:
        call = work.session.scalars(select(mapping.Call.id)).first()
    found = house.get(f"/api/calls/{call}/trail", token).json
    assert found["call"]["id"] == call and "exchange" in found["chapters"]


# --- looking after them


def test_one_is_made_on_a_page_shown_once_and_revoked(house: House) -> None:
    browser: FlaskClient = house.app.test_client()
    sign_in(browser, "801")
    form = {"csrf_token": token_of(browser, "/me/tokens"), "name": "evening report", "scopes": "calls", "days": "30"}
    page = browser.post("/me/tokens", data=form)
    found = re.search(r">(yob_[\w-]{43})<", page.text)
    assert found and page.headers["Cache-Control"] == "no-store"
    assert house.get("/api/calls", found[1]).status_code == 200
    again = browser.get("/me/tokens").text
    assert "evening report" in again and found[1] not in again and "last used" in again
    for bad in (
        {"name": ""},
        {"name": "evening report"},
        {"name": "x", "scopes": "report"},
        {"name": "y", "days": "366"},
    ):
        assert browser.post("/me/tokens", data=form | bad).status_code == 422
    with house.database.open(EVERYTHING) as work:
        row = work.session.scalars(select(ApiTokenRow)).one()
        assert found[1] not in (row.key, row.name)
    number = re.search(r"/me/tokens/(\d+)/revoke", again)
    assert number
    answer = browser.post(f"/me/tokens/{number[1]}/revoke", data={"csrf_token": form["csrf_token"]})
    assert answer.location == "/me/tokens"
    assert house.get("/api/calls", found[1]).status_code == 401
    assert house.outbox("session_ended")[-1]["session"].startswith(STREAM)


def test_nobody_revokes_another_ones(house: House) -> None:
    _text, token = house.accounts.tokens.make("700", "theirs", ["calls"], 30)
    with pytest.raises(NotFound):
        house.accounts.tokens.revoke(token.id, "801", "801")


def test_a_stream_stands_as_long_as_its_token(house: House) -> None:
    tokens = house.accounts.tokens
    text = house.token("live")
    use = tokens.use(text, "live", HERE)
    assert use.id.startswith(STREAM) and use.viewer.token == "for live"
    standing = house.accounts.by_id(use.id)
    assert standing is not None and standing.viewer.scope == use.viewer.scope
    assert house.accounts.by_token(text) is None  # no session
    with pytest.raises(OutOfScope):
        tokens.use(house.token("calls"), "live", HERE)
    tokens.revoke(use.token.id, "801")
    assert house.accounts.by_id(use.id) is None
    with pytest.raises(TokenRefused):
        tokens.use(text, "live", HERE)


def test_what_no_token_can_be(house: House) -> None:
    make = house.accounts.tokens.make
    for name, scopes, days in (
        ("x" * 61, ["calls"], 1),
        ("x", [], 1),
        ("x", ["everything"], 1),
        ("x", ["calls"], 0),
        ("x", ["calls"], 366),
    ):
        with pytest.raises(Invalid):
            make("801", name, scopes, days)
    for number in range(20):
        make("801", f"token {number}", ["calls"], 1)
    with pytest.raises(Invalid, match="20 tokens"):
        make("801", "one more", ["calls"], 1)
    with pytest.raises(Unavailable):
        for _ in range(30):
            with pytest.raises(TokenRefused):
                house.accounts.tokens.use("yob_x", None, "192.0.2.8")
