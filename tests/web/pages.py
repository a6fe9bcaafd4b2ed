"""The application over a fake desk, as the pages' tests and the browser's tests use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from flask import Flask

from cti_server.identity.ports import Session
from cti_server.identity.second_factor import State
from cti_server.identity.tokens import TokenRefused
from cti_server.settings import BranchSettings, ServerSettings, Settings
from cti_server.shared.errors import Invalid
from cti_server.shared.scope import Scope, Span
from cti_server.shared.viewer import Viewer
from cti_web.app import create_app
from tests.web.fake_desk import NOW, FakeDesk

REP = Viewer(
    id="801",
    login="yamada",
    name="山田 太郎",
    branch="121",
    branch_name="本店営業部",
    role="branch manager",
    scope=Scope("801", "121", Span.ALL, frozenset({1, 2, 3}), True, True),
    rights=frozenset(
        {"handle", "unregistered", "exchanges", "simulator", "audit", "rules", "export", "users", "customers"}
    ),
    extensions=(("hq", "2104"),),
)


class FixedClock:
    def now(self) -> float:
        return NOW


class FakeFactors:
    """Nobody has a second factor."""

    def state(self, viewer: Viewer) -> State:
        return State(None, 0, False)


class FakeTokens:
    """No token is any good."""

    def mine(self, viewer: Viewer) -> list[Any]:
        return []

    def use(self, text: str, scope: Any, address: str) -> Any:
        raise TokenRefused("This API token is not known here; make one on My settings", "token", "token-unknown")


class FakeAccounts:
    """One session token per language."""

    second_factors = FakeFactors()
    tokens = FakeTokens()

    def __init__(self, viewer: Viewer = REP) -> None:
        self.viewer = viewer
        self.languages: dict[str, str] = {}

    def sign_in(self, login: str, password: str, address: str, browser: str = "") -> str:
        return "ja"

    def remembered(self, browser: str, token: str) -> str:
        return browser

    def sign_out(self, token: str) -> str | None:
        return token

    def viewer_of(self, token: str) -> Viewer | None:
        return replace(self.viewer, language=self.languages.get(token, token)) if token in ("ja", "en") else None

    def set_preferences(self, viewer: Viewer, **kept: str) -> None:
        self.kept = kept

    def change_password(self, viewer: Viewer, old: str, new: str, token: str | None = None) -> None:
        raise Invalid("The old password is wrong", "old", "wrong-password")

    def stand_ins(self, viewer: Viewer, user: str) -> Any:
        return [], [("802", "name 802")]

    def my_sessions(self, viewer: Viewer) -> list[Session]:
        return [Session("ab" * 32, viewer.id, 1_800_000_000.0, 1_800_000_100.0, 1_800_040_000.0, "192.0.2.7")]

    def set_language(self, viewer: Viewer, language: str) -> None:
        self.languages[viewer.language] = language


class NoOutbox:
    def wake(self, rows: list[int]) -> None:
        pass


def make_app(folder: Path, fake: FakeDesk, accounts: FakeAccounts | None = None, **settings: Any) -> Flask:
    branches = (BranchSettings(code="121", name="本店営業部"), BranchSettings(code="122", name="横浜支店"))
    made = Settings(server=ServerSettings(data_dir=folder), branches=branches, **settings)

    @contextmanager
    def desk(of: Viewer) -> Iterator[Any]:
        yield fake

    app = create_app(cast(Any, None), made, FixedClock(), NoOutbox(), accounts=accounts or FakeAccounts(), desk=desk)
    app.config["TESTING"] = True
    return app
