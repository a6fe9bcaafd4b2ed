"""Looking after the exchanges on the pages: adding, changing, pausing, removing, testing (spec Exchanges, C1).

``ExchangeDesk(shelf, viewer, clock, secrets)``: a viewer at work in one transaction. Whoever is held to a branch sees
and changes that branch's exchanges only; another's reads as not found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from cti_server.exchanges.ports import Secrets, Shelf, Test
from cti_server.exchanges.saved import (
    SECRET_FIELDS,
    Fault,
    SavedExchange,
    State,
    Unfit,
    checked,
    effective,
    is_paused,
    with_secret,
)
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import Viewer, exchange_reach, needs

UNDO_SECONDS: Final = 600.0
TEST_SECONDS: Final = 86_400.0
"""So long what a test found can be looked at."""
NO_SUCH_EXCHANGE: Final = "There is no such exchange"
CHANGED_MEANWHILE: Final = "Somebody else changed this exchange in the meantime; look at it again"
OWN_VARIABLE: Final = re.compile(r"YOBIRIN_[A-Z0-9_]{1,60}")
"""Environment variables that a page may name."""
WRONG_VARIABLE: Final = "Name a variable that begins with YOBIRIN_, in capitals"
TOO_LATE: Final = "This can't be undone any more; change it by hand"

SecretPlace = Literal["page", "env", "file", "none"]


class SecretWish(NamedTuple):
    """What a form says about the secret: a typed one wins; all empty keeps one that was typed before."""

    typed: str = ""
    env: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An exchange as an administrator sees it. ``values`` is the entry that holds (JSON types, without the secret);
    ``in_file`` and ``on_page`` say where it is set."""

    id: str
    name: str
    kind: str
    branch: str
    branch_name: str
    values: Mapping[str, Any]
    in_file: bool
    on_page: bool
    paused: bool
    removed: bool
    secret: SecretPlace
    version: int
    by_name: str
    at: float | None
    undoable: bool


class ExchangeDesk:
    """A viewer who looks after exchanges."""

    def __init__(self, shelf: Shelf, viewer: Viewer, clock: Clock, secrets: Secrets) -> None:
        self._shelf = shelf
        self.viewer = viewer
        self._clock = clock
        self._secrets = secrets

    # --- looking

    @needs("exchanges")
    def entries(self) -> list[Entry]:
        """Every exchange in the viewer's span, removed ones too, by id."""
        return [self._entry(one) for one in self._shelf.all() if self._reaches(one)]

    @needs("exchanges")
    def entry(self, exchange: str) -> Entry:
        """One of them. NotFound outside the viewer's span."""
        return self._entry(self._stored(exchange))

    @needs("exchanges")
    def branches(self) -> list[tuple[str, str]]:
        """(code, name) of the branches that an exchange may be given to."""
        reach = exchange_reach(self.viewer)
        return [
            (one.code, one.name or one.code) for one in self._shelf.branches().values() if reach in (None, one.code)
        ]

    def now(self) -> float:
        """The time, epoch seconds, UTC."""
        return self._clock.now()

    # --- changing

    @needs("exchanges")
    def add(self, values: Mapping[str, Any], secret: SecretWish) -> Entry:
        """A new exchange. Raises Unfit with every fault."""
        state, settings = self._checked(values, secret, State())
        if self._shelf.get(settings.id) is not None:
            raise Unfit([Fault("id", "id-taken", "There is or was an exchange of this id; choose another", {})])
        self._put(settings.id, State(), state, 1, "added", {})
        self._shelf.show(settings)
        return self.entry(settings.id)

    @needs("exchanges")
    def change(self, exchange: str, values: Mapping[str, Any], secret: SecretWish, version: int) -> Entry:
        """Other settings. Raises Unfit with every fault, and Conflict where somebody else was quicker."""
        stored = self._of_version(exchange, version)
        now = effective(stored)
        if now is None or stored.now.removed:
            raise NotFound(NO_SUCH_EXCHANGE)
        fixed = {"id": exchange, "kind": now["kind"]}  # the journal is the one of that kind
        whole = _over(now, values) | fixed
        state, settings = self._checked(whole, secret, stored.now, now)
        self._put(exchange, stored.now, state, version + 1, "changed", _changes(now, state.saved or {}))
        self._shelf.show(settings)
        return self.entry(exchange)

    @needs("exchanges")
    def pause(self, exchange: str, version: int) -> Entry:
        """Stops listening to it; a gap begins."""
        return self._mark(exchange, version, "paused", lambda now: now._replace(paused=True))

    @needs("exchanges")
    def resume(self, exchange: str, version: int) -> Entry:
        """Listens to it again."""
        return self._mark(exchange, version, "resumed", lambda now: now._replace(paused=False))

    @needs("exchanges")
    def remove(self, exchange: str, version: int) -> Entry:
        """Leaves it. Its calls and its journal stay, and it can be brought back."""
        entry = self._mark(exchange, version, "removed", lambda now: now._replace(removed=True))
        self._shelf.hide(exchange)
        return entry

    @needs("exchanges")
    def bring_back(self, exchange: str, version: int) -> Entry:
        """Takes a removed one up again, as it was set."""
        return self._mark(exchange, version, "brought back", lambda now: now._replace(removed=False))

    @needs("exchanges")
    def back_to_file(self, exchange: str, version: int) -> Entry:
        """Forgets what pages saved: the file's entry holds again."""
        stored = self._of_version(exchange, version)
        if stored.base is None:
            raise Invalid("The settings file has no such exchange", "", "not-in-file")
        self._put(
            exchange, stored.now, State(), version + 1, "back to the file", _changes(effective(stored), stored.base)
        )
        return self._shown(exchange)

    @needs("exchanges")
    def undo(self, exchange: str, version: int) -> Entry | None:
        """Takes back the change that made this version, within ten minutes. Null: the exchange is gone by that."""
        stored = self._of_version(exchange, version)
        if stored.before is None or stored.at is None or self._clock.now() - stored.at > UNDO_SECONDS:
            raise Conflict(TOO_LATE)
        self._put(exchange, None, stored.before, version + 1, "undone", {})
        again = self._shelf.get(exchange)
        if again is None or again.now.removed or effective(again) is None:
            self._shelf.hide(exchange)
            return None
        return self._shown(exchange)

    # --- testing

    @needs("exchanges")
    def test(self, exchange: str) -> int:
        """Has the daemon test the connection as it is saved; gives the test's id."""
        stored = self._stored(exchange)
        values = effective(stored)
        if values is None:
            raise NotFound(NO_SUCH_EXCHANGE)
        return self._test(exchange, values, stored.now.secret if stored.now.saved is not None else "")

    @needs("exchanges")
    def test_values(self, exchange: str, values: Mapping[str, Any], secret: SecretWish) -> int:
        """Has the daemon test settings that are not saved; ``exchange`` is whose they are to become, empty for a new
        one. Raises Unfit."""
        stored = self._stored(exchange) if exchange else None
        now = (effective(stored) if stored else None) or {}
        fixed = {"id": exchange, "kind": now["kind"]} if now else {}
        whole = _over(now, values) | fixed
        state, settings = self._checked(whole, secret, stored.now if stored else State(), now)
        return self._test(exchange or settings.id, state.saved or {}, state.secret)

    def _test(self, exchange: str, values: Mapping[str, Any], secret: str) -> int:
        now = self._clock.now()
        self._shelf.note(exchange, self.viewer.id, "tested", now, {})
        return self._shelf.add_test(Test(exchange, str(values["branch"]), self.viewer.id, now, dict(values), secret))

    @needs("exchanges")
    def tested(self, test_id: int) -> Test:
        """What a test that the viewer asked for found so far."""
        test = self._shelf.test(test_id)
        if test is None or test.by != self.viewer.id or self._clock.now() - test.at > TEST_SECONDS:
            raise NotFound("There is no such test")
        return test

    # --- small things

    def _reaches(self, stored: SavedExchange) -> bool:
        reach = exchange_reach(self.viewer)
        values = effective(stored)
        return values is not None and reach in (None, values.get("branch"))

    def _stored(self, exchange: str) -> SavedExchange:
        stored = self._shelf.get(exchange)
        if stored is None or not self._reaches(stored):
            raise NotFound(NO_SUCH_EXCHANGE)
        return stored

    def _of_version(self, exchange: str, version: int) -> SavedExchange:
        stored = self._stored(exchange)
        if stored.version != version:
            raise Conflict(CHANGED_MEANWHILE)
        return stored

    def _mark(self, exchange: str, version: int, act: str, marked: Callable[[State], State]) -> Entry:
        stored = self._of_version(exchange, version)
        self._put(exchange, stored.now, marked(stored.now), version + 1, act, {})
        return self._shown(exchange)

    def _shown(self, exchange: str) -> Entry:
        """The entry after a change, put on the pages where it is to run."""
        stored = self._stored(exchange)
        if not stored.now.removed:
            values = with_secret(stored.now, self._secrets.path) or stored.base
            self._shelf.show(checked(values or {}))
        return self._entry(stored)

    def _put(
        self, exchange: str, before: State | None, state: State, version: int, act: str, detail: Mapping[str, Any]
    ) -> None:
        """``before`` null: nothing to undo."""
        now = self._clock.now()
        self._shelf.put(exchange, state, before, version, self.viewer.id, now)
        self._shelf.note(exchange, self.viewer.id, act, now, detail)

    def _checked(
        self, values: Mapping[str, Any], wish: SecretWish, before: State, now: Mapping[str, Any] | None = None
    ) -> tuple[State, ExchangeSettings]:
        """What is to be kept, by the rules of the settings file and those of the pages. A typed secret is kept last,
        when nothing else is wrong."""
        faults: list[Fault] = []
        values = _over({}, values)
        places, place_faults = self._secret_places(wish, now or {})
        faults += place_faults
        values = {key: value for key, value in values.items() if key not in SECRET_FIELDS} | places
        if values.get("cdr"):
            values["cdr"], record_faults = self._record_places(values["cdr"], (now or {}).get("cdr") or {})
            faults += record_faults
        try:
            settings = checked(values)
        except Unfit as bad:
            faults += bad.faults
        else:
            if settings.branch not in dict(self.branches()):
                faults.append(Fault("branch", "wrong-branch", "This branch is not one of yours; choose another", {}))
            faults += self._strange_files(settings, now or {})
        if faults:
            raise Unfit(faults)
        secret = before.secret if not places else ""
        if wish.typed:
            secret = self._secrets.keep(settings.id, wish.typed)
        saved = settings.model_dump(mode="json", exclude_unset=True)
        return before._replace(saved=saved, secret=secret, removed=False), settings

    def _strange_files(self, settings: ExchangeSettings, now: Mapping[str, Any]) -> list[Fault]:
        """Files that a page may not name: what an exchange is read from is shown on its page. What the settings file
        names may stay."""
        faults = []
        cdr = now.get("cdr")
        files = {
            "path": (settings.path, now.get("path")),
            "cdr.file": (settings.cdr.file if settings.cdr else None, cdr.get("file") if cdr else None),
        }
        for field, (path, before) in files.items():
            if path is not None and str(path) != before:
                faults += self._strange_file(field, str(path))
        device = settings.device
        if device and device != now.get("device") and (not device.startswith("/dev/") or ".." in device):
            faults.append(Fault("device", "no-device", "Name a serial line of the server, such as /dev/ttyUSB0", {}))
        profile = settings.profile
        if ("/" in profile or profile.endswith(".toml")) and profile != now.get("profile"):
            faults.append(Fault("profile", "profile-path", "Choose a profile by its name", {}))
        return faults

    def _record_places(self, cdr: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
        """The exchange's own record of calls, by the same rules: its file, and where a database's address is."""
        faults = []
        file = str(cdr.get("file") or "")
        if file and file != now.get("file") and self._secrets.beside(file):
            faults.append(Fault("cdr.file", "own-data", "Choose a place outside of the server's own data folder", {}))
        wish = SecretWish("", str(cdr.get("secret_env") or ""), str(cdr.get("secret_file") or ""))
        places, place_faults = self._secret_places(wish, now)
        faults += [fault._replace(field=f"cdr.{fault.field}") for fault in place_faults]
        return {key: value for key, value in cdr.items() if key not in SECRET_FIELDS} | places, faults

    def _strange_file(self, field: str, path: str) -> list[Fault]:
        if self._secrets.beside(path):
            return [Fault(field, "own-data", "Choose a place outside of the server's own data folder", {})]
        if self._secrets.readable(path):
            return []
        folders = ", ".join(self._secrets.folders())
        if not folders:
            return [
                Fault(field, "no-folders", "Name folders for records (record_folders) in the settings file first", {})
            ]
        sentence = f"Choose a place in one of the folders that the settings file names for records: {folders}"
        return [Fault(field, "outside-folders", sentence, {"folders": folders})]

    def _secret_places(self, wish: SecretWish, now: Mapping[str, Any]) -> tuple[dict[str, str], list[Fault]]:
        """Where the secret is to be had, if not in a file of ours. What the settings file names may stay; a page
        names only variables and files that are meant for it, so that it can't be used to read others."""
        if wish.typed:
            if re.search(r"[\r\n\0]", wish.typed):
                return {}, [Fault("secret", "line-break", "must not contain a line break", {})]
            return {}, []
        if wish.env:
            if wish.env != now.get("secret_env") and not OWN_VARIABLE.fullmatch(wish.env):
                return {}, [Fault("secret_env", "wrong-variable", WRONG_VARIABLE, {})]
            return {"secret_env": wish.env}, []
        if wish.file:
            if wish.file == now.get("secret_file"):
                return {"secret_file": wish.file}, []
            try:
                return {"secret_file": self._secrets.within(wish.file)}, []
            except Invalid as bad:
                return {}, [Fault("secret_file", bad.code or "", str(bad), {"folder": self._secrets.path("")})]
        return {}, []

    def _entry(self, stored: SavedExchange) -> Entry:
        values = effective(stored) or {}
        branches = self._shelf.branches()
        branch = str(values.get("branch", ""))
        named: SecretPlace = "env" if values.get("secret_env") else "file" if values.get("secret_file") else "none"
        now = self._clock.now()
        return Entry(
            id=stored.id,
            name=str(values.get("name") or stored.id),
            kind=str(values.get("kind", "")),
            branch=branch,
            branch_name=branches[branch].name if branch in branches else branch,
            values=values,
            in_file=stored.base is not None,
            on_page=stored.now.saved is not None,
            paused=is_paused(stored),
            removed=stored.now.removed,
            secret="page" if stored.now.secret and stored.now.saved is not None else named,
            version=stored.version,
            by_name=self._shelf.person(stored.by) if stored.by else "",
            at=stored.at,
            undoable=stored.before is not None and stored.at is not None and now - stored.at <= UNDO_SECONDS,
        )


def _over(now: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with other values: null takes one away, and a table within keeps what is not named of it."""
    whole = dict(now)
    for name, value in values.items():
        if value is None:
            whole.pop(name, None)
        elif isinstance(value, Mapping):
            whole[name] = _over(now.get(name) or {}, value)
        else:
            whole[name] = value
    return whole


def _changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """What a change changed, for the trail: field -> [old, new]. No secret is among an entry's fields."""
    was = old or {}
    names = sorted({*was, *new})
    return {"fields": {name: [was.get(name), new.get(name)] for name in names if was.get(name) != new.get(name)}}
