"""Customers' use of a service, from its server to the deal (spec P2)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cti_adapters import usage_server
from cti_adapters.secret_folder import SecretFolder
from cti_adapters.storage.exchange_shelf import named_secrets
from cti_adapters.usage_pull import UsagePull
from cti_adapters.usage_server import UsageServer
from cti_server.phases.model import Service
from cti_server.phases.usage import Index, Outcome, Source, UsageRule
from cti_server.phases.usage_message import read
from cti_server.phases.velocity import DAY
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.desk_rig import with_scope
from tests.adapters.phase_rig import Firm, admin


class UsingFirm(Firm):
    """With a folder of secrets."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.secrets = folder


@pytest.fixture
def firm(tmp_path: Path) -> UsingFirm:
    return UsingFirm(tmp_path)


class Server:
    """A service's own server: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization", "")))
                status, body, headers = outer.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://localhost:{self._http.server_port}/usage"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def says(self, *rows: Any, **more: Any) -> None:
        self.answers.append((200, json.dumps({"readings": list(rows), **more}).encode(), {}))

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


def reading(at: float, value: float, customer: str = "100101") -> dict[str, Any]:
    return {"customer": customer, "index": "logins", "at": datetime.fromtimestamp(at, UTC).isoformat(), "value": value}


def knows_use(firm: UsingFirm, address: str = "", **rule: Any) -> Service:
    service = firm.sets_up()
    with firm.at(admin()) as desk:
        desk.save_source(Source(service.id, (Index("logins", "Logins a week"),), address, version=0))
        values: dict[str, Any] = {
            "measure": "value",
            "side": "below",
            "threshold": Decimal(5),
            "days": 30,
            "advice": "explain",
            "topic": "reports",
        }
        desk.add_usage_rule(UsageRule(0, service.id, "logins", **(values | rule)))
    return firm.known(service.id)


def tells(firm: UsingFirm, service: Service, *rows: Any, who: Any = None) -> Outcome:
    with firm.at(who or admin()) as desk:
        _service, source, _rules = desk.usage_source(service.id)
        body = json.dumps({"readings": list(rows)}).encode()
        return desk.told(service.id, read(body, [one.key for one in source.indexes], firm.clock.now()))


def test_low_use_prompts_what_to_explain_and_brings_the_deal_first(firm: UsingFirm) -> None:
    service = knows_use(firm)
    deal = firm.opens(service)
    now = firm.clock.now()
    with firm.at() as desk:
        desk.put_off(deal, now + 5 * DAY)
    outcome = tells(firm, service, reading(now - 2 * DAY, 9), reading(now - DAY, 3))
    assert (outcome.kept, outcome.refused) == (2, 0)
    with firm.at() as desk:
        view = desk.deal(deal)
        assert view.suggestion.reason == "usage"
        assert view.suggestion.prompt is not None and view.suggestion.prompt.rule.topic == "reports"
        assert view.deal.due_at == now, "it is seen to first"
        desk.log(deal, "call", "explained")
    with firm.at() as desk:
        view = desk.deal(deal)
        assert view.suggestion.reason == "items", "something was done about it"
        assert view.usage is not None and [one.value for one in view.usage.indexes[0].readings] == [9, 3]


def test_the_same_told_again_changes_nothing(firm: UsingFirm) -> None:
    service = knows_use(firm)
    deal = firm.opens(service)
    now = firm.clock.now()
    tells(firm, service, reading(now - DAY, 3))
    with firm.at() as desk:
        desk.put_off(deal, now + 5 * DAY)
    outcome = tells(firm, service, reading(now - DAY, 3))
    assert (outcome.kept, outcome.same) == (0, 1)
    with firm.at() as desk:
        assert desk.deal(deal).deal.due_at == now + 5 * DAY
    corrected = tells(firm, service, reading(now - DAY, 4))
    assert corrected.kept == 1, "the server knows better by now"


def test_high_use_proposes_the_higher_plan(firm: UsingFirm) -> None:
    service = knows_use(firm, side="above", advice="plan", topic="")
    deal = firm.opens(service)
    tells(firm, service, reading(firm.clock.now() - DAY, 50))
    with firm.at() as desk:
        prompt = desk.deal(deal).suggestion.prompt
        assert prompt is not None and prompt.plan is not None and prompt.plan.name == "Standard"


def test_use_is_seen_as_its_customer_is_and_told_within_the_scope(firm: UsingFirm) -> None:
    service = knows_use(firm)
    now = firm.clock.now()
    branch = with_scope("990", "122", Span.BRANCH, {1, 2, 3}, {"phases", "handle"})
    outcome = tells(firm, service, reading(now, 3), reading(now, 3, "no such"), who=branch)
    assert (outcome.kept, dict(outcome.why)) == (0, {"customer": 2}), "what is hidden reads like what is not there"
    tells(firm, service, reading(now, 3))
    with firm.database.open(branch.scope) as work:
        assert work.usage.readings(service.id, ["100101"]) == {}
    with firm.database.open(EVERYTHING) as work:
        assert work.usage.readings(service.id, ["100101"])


def test_nobody_without_the_right_sets_it_up(firm: UsingFirm) -> None:
    service = knows_use(firm)
    with firm.at() as desk, pytest.raises(NotAllowed):
        desk.usage_source(service.id)


def test_a_set_up_that_can_not_be_is_refused(firm: UsingFirm) -> None:
    service = knows_use(firm)
    with firm.at(admin()) as desk:
        _service, source, (rule,) = desk.usage_source(service.id)
        with pytest.raises(Conflict, match="rule"):
            desk.save_source(Source(service.id, (Index("other", "Other"),), version=source.version))
        with pytest.raises(Conflict, match="Somebody else"):
            desk.save_source(Source(service.id, source.indexes, version=source.version + 7))
        for address in ("ftp://x/", "https://u:p@x/", "http://", "https://x/#a", "https://x:99999/", "//x"):
            with pytest.raises(Invalid) as refused:
                desk.save_source(Source(service.id, source.indexes, address, version=source.version))
            assert refused.value.code == "usage-address"
        with pytest.raises(NotFound):
            desk.remove_usage_rule(service.id, rule.id + 1)
        desk.remove_usage_rule(service.id, rule.id)


# --- asking


def pull(firm: UsingFirm, fetch: Any = None) -> UsagePull:
    return UsagePull(
        firm.database, SecretFolder(firm.secrets), firm.clock, fetch or UsageServer(["localhost"]), [].extend
    )


def source_of(firm: UsingFirm, service: Service) -> Source:
    with firm.at(admin()) as desk:
        return desk.usage_source(service.id)[1]


def test_a_server_is_asked_with_its_token_from_where_it_was_heard_last(firm: UsingFirm, server: Server) -> None:
    service = knows_use(firm, server.address)
    now = firm.clock.now()
    folder = SecretFolder(firm.secrets)
    with firm.at(admin()) as desk:
        source = desk.usage_source(service.id)[1]
        secret = folder.keep("usage", "s3cret")
        desk.save_source(Source(service.id, source.indexes, server.address, secret, 1, version=source.version))
    with firm.database.engine.connect() as connection:
        assert secret in named_secrets(connection), "its file is not swept away"
    server.says(reading(now - DAY, 3), next="b")
    server.says(reading(now - DAY / 2, 4))
    pull(firm).due()
    assert [(path.split("?")[-1], token) for path, token in server.asked] == [
        ("/usage", "Bearer s3cret"),
        ("after=b", "Bearer s3cret"),
    ]
    kept = source_of(firm, service)
    assert kept.outcome is not None and kept.outcome.kept == 2 and kept.latest == now - DAY / 2
    pull(firm).due()
    assert len(server.asked) == 2, "its hour has not come"
    firm.clock.at += 3600
    server.says()
    pull(firm).due()
    assert "since=" in server.asked[-1][0]


@pytest.mark.parametrize(
    ("status", "body", "headers", "sentence"),
    [
        (500, b"", {}, usage_server.REFUSED),
        (401, b"", {}, usage_server.TOKEN),
        (302, b"", {"Location": "http://169.254.169.254/"}, usage_server.ELSEWHERE),
        (200, b"<html>", {}, "not JSON"),
        (200, b"{}", {}, "no list"),
        (200, b" " * (4 * 1024 * 1024 + 1), {}, "too large"),
    ],
)
def test_a_server_that_is_away_or_lies_gets_a_sentence_and_nothing_is_lost(
    firm: UsingFirm, server: Server, status: int, body: bytes, headers: dict[str, str], sentence: str
) -> None:
    service = knows_use(firm, server.address)
    server.answers.append((status, body, headers))
    outcome = pull(firm).ask(source_of(firm, service))
    assert sentence in outcome.problem
    kept = source_of(firm, service)
    assert kept.outcome == outcome and kept.latest is None
    server.says(reading(firm.clock.now(), 3))
    assert pull(firm).ask(kept).kept == 1, "it is asked again"


def test_a_server_that_is_not_there_gets_a_sentence(firm: UsingFirm) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://localhost:{free.getsockname()[1]}/"
    with pytest.raises(Unavailable, match="can't be reached"):
        UsageServer(["localhost"])(address, "", None, "")


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://2130706433/"],
)
def test_no_private_address_is_asked_unless_the_settings_name_it(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        UsageServer()(address, "token", None, "")
    assert refused.value.code == "usage-private"


def test_nothing_is_asked_in_clear(server: Server) -> None:
    with pytest.raises(Invalid) as refused:
        UsageServer()(server.address, "token", None, "")
    assert refused.value.code == "usage-plain"
    assert not server.asked


def test_one_server_that_is_away_holds_up_no_other(firm: UsingFirm, server: Server) -> None:
    service = knows_use(firm, "http://localhost:9/")
    with firm.at(admin()) as desk:
        other = desk.add_service(Service(0, "Other", service.terms), ["Only"])
        desk.save_source(Source(other, (Index("logins", "Logins"),), server.address, version=0))
    server.says(reading(firm.clock.now(), 3))
    pull(firm).due()
    outcome = source_of(firm, service).outcome
    assert outcome is not None and outcome.problem
    assert source_of(firm, firm.known(other)).heard_at == firm.clock.now()
