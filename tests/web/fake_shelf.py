"""A shelf of exchanges without a database, and a folder of secrets without a disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from cti_server.exchanges.ports import Test
from cti_server.exchanges.profiles import SavedProfile
from cti_server.exchanges.saved import SavedExchange, State
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import Conflict, Invalid
from cti_server.shared.people import Branch


def of_file(id: str, name: str, branch: str, **more: Any) -> SavedExchange:
    """An exchange of the settings file."""
    settings = ExchangeSettings.model_validate({"id": id, "name": name, "kind": "ami", "branch": branch} | more)
    return SavedExchange(id, settings.model_dump(mode="json", exclude_unset=True), State())


class FakeShelf:
    """Three exchanges of a settings file."""

    def __init__(self) -> None:
        made = [
            of_file("hq", "本店 PBX", "121", secret_env="HQ_SECRET", host="192.0.2.10"),
            of_file("yokohama", "横浜 PBX", "122", secret_env="YOKOHAMA_SECRET", host="192.0.2.20"),
        ]
        self.rows = {one.id: one for one in made}
        self.tests: list[Test] = []
        self.told: list[str] = []
        self.shown: set[str] = set()
        self.hidden: set[str] = set()
        self.trail: list[tuple[str, str, Mapping[str, Any]]] = []

    def all(self) -> list[SavedExchange]:
        return [self.rows[id] for id in sorted(self.rows)]

    def get(self, exchange: str) -> SavedExchange | None:
        return self.rows.get(exchange)

    def put(self, exchange: str, state: State, before: State | None, version: int, by: str, at: float) -> None:
        old = self.rows.get(exchange)
        if version != (old.version if old else 0) + 1:
            raise Conflict("quicker")
        self.rows[exchange] = SavedExchange(exchange, old.base if old else None, state, version, by, at, before)
        self.told.append(exchange)

    def show(self, settings: ExchangeSettings) -> None:
        self.shown.add(settings.id)

    def hide(self, exchange: str) -> None:
        self.hidden.add(exchange)

    def add_test(self, test: Test) -> int:
        self.tests.append(test)
        return len(self.tests)

    def test(self, test_id: int) -> Test | None:
        return self.tests[test_id - 1] if 0 < test_id <= len(self.tests) else None

    def branches(self) -> dict[str, Branch]:
        names = {"121": "本店営業部", "122": "横浜支店", "131": "大阪支店"}
        return {code: Branch(code, name, "Asia/Tokyo") for code, name in names.items()}

    def person(self, user: str) -> str:
        return {"900": "伊藤"}.get(user, user)

    def note(self, exchange: str, user: str, act: str, at: float, detail: Mapping[str, Any]) -> None:
        self.trail.append((exchange, act, detail))


class FakeProfiles:
    """Saved profiles without a database."""

    def __init__(self) -> None:
        self.rows: list[SavedProfile] = []
        self.unread_of: dict[str, int] = {}

    def all(self) -> list[SavedProfile]:
        names = sorted({one.name for one in self.rows})
        return [one for name in names if not (one := self.versions(name)[0]).removed]

    def versions(self, name: str) -> list[SavedProfile]:
        return sorted((one for one in self.rows if one.name == name), key=lambda one: -one.version)

    def put(self, profile: SavedProfile) -> None:
        if any((one.name, one.version) == profile[:2] for one in self.rows):
            raise Conflict("quicker")
        self.rows.append(profile)

    def unread(self, exchange: str) -> int:
        return self.unread_of.get(exchange, 0)

    def unread_sample(self, exchange: str) -> bytes:
        return b""


class FakeSecrets:
    """Keeps nothing."""

    def keep(self, purpose: str, secret: str) -> str:
        return f"{purpose}-{len(secret):016}.secret"

    def path(self, name: str) -> str:
        return f"/data/secrets/{name}"

    def beside(self, path: str) -> bool:
        return path.startswith("/data")

    def readable(self, path: str) -> bool:
        return path.startswith("/var/")

    def folders(self) -> list[str]:
        return ["/var"]

    def within(self, path: str) -> str:
        whole = PurePosixPath("/data/secrets") / path
        if whole.parent != PurePosixPath("/data/secrets") or ".." in whole.parts:
            raise Invalid("Name a file in the server's folder of secrets", "secret_file", "not-a-secret")
        return str(whole)
