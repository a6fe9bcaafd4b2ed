"""Profiles of makes that administrators save on a page, with all their versions (spec O3). Pure.

``ProfileDesk(shelf, viewer, clock, shipped, faults)``: a viewer at work in one transaction. Those that ship are never
changed: one that is changed is saved under a name of its own. Nothing is overwritten: each saving is a version, going
back to one is a saving too, and so is removing one: a version without a text, from which there is a way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from cti_server.exchanges.saved import SavedExchange, effective
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.viewer import Viewer, exchange_reach, needs

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
NO_SUCH_PROFILE: Final = "There is no such profile"
CHANGED_MEANWHILE: Final = "Somebody else saved this profile in the meantime; look at what changed, then save again"


class SavedProfile(NamedTuple):
    """A profile as it was saved once: ``version`` 1 is the first. ``at``: epoch seconds, UTC; ``by``: a user's id. An
    empty ``source``: it was removed."""

    name: str
    version: int
    at: float
    by: str
    source: str

    @property
    def removed(self) -> bool:
        """Whether there is no such profile from here on."""
        return not self.source


class Version(NamedTuple):
    """A saved profile for people: ``before`` is the text of the version that it followed."""

    saved: SavedProfile
    by_name: str
    before: str


class User(NamedTuple):
    """An exchange that is read by a profile; ``unread`` counts what is kept of it that could not be read."""

    exchange: str
    name: str
    unread: int


class Faulty(Invalid):
    """A profile that can't be saved; each of its faults a sentence that names the line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(faults[0], "source", "faulty-profile")
        self.faults = tuple(faults)


class ProfileShelf(Protocol):
    """Where saved profiles are kept. A saving leaves a row for the daemon."""

    def all(self) -> list[SavedProfile]:
        """The newest version of each, by name; without those that were removed."""

    def versions(self, name: str) -> list[SavedProfile]:
        """All versions of one, the newest first; none: there is no such profile."""

    def put(self, profile: SavedProfile) -> None:
        """Keeps a version. Raises Conflict where that one exists already."""

    def unread(self, exchange: str) -> int:
        """How much is kept of an exchange that could not be read."""

    def unread_sample(self, exchange: str) -> bytes:
        """The latest of it, a record a line."""


class Exchanges(Protocol):
    """The part of ``ports.Shelf`` that profiles need."""

    def all(self) -> list[SavedExchange]:
        """Every exchange that the file or a page names, or named."""

    def person(self, user: str) -> str:
        """The name of one of the firm's people."""


class ProfileDesk:
    """A viewer who looks after profiles. ``shipped``: the names of those that ship; ``faults(text, name)`` gives what
    is wrong with a text, each a sentence with its line."""

    def __init__(
        self,
        shelf: ProfileShelf,
        exchanges: Exchanges,
        viewer: Viewer,
        clock: Clock,
        shipped: Collection[str],
        faults: Callable[[str, str], Sequence[str]],
    ) -> None:
        self._shelf = shelf
        self._exchanges = exchanges
        self.viewer = viewer
        self._clock = clock
        self._shipped = shipped
        self._faults = faults

    @needs("exchanges")
    def own(self) -> list[Version]:
        """The newest version of each that was saved, by name."""
        return [Version(one, self._exchanges.person(one.by), "") for one in self._shelf.all()]

    @needs("exchanges")
    def texts(self) -> dict[str, str]:
        """Name -> text of each that was saved."""
        return {one.name: one.source for one in self._shelf.all()}

    @needs("exchanges")
    def versions(self, name: str) -> list[Version]:
        """All versions of one, the newest first. NotFound where there is none."""
        found = self._versions(name)
        before = [*(one.source for one in found[1:]), ""]
        return [Version(one, self._exchanges.person(one.by), was) for one, was in zip(found, before, strict=True)]

    @needs("exchanges")
    def users(self, name: str) -> list[User]:
        """The exchanges in the viewer's span that are read by it."""
        return [
            User(one.id, str(values.get("name") or one.id), self._shelf.unread(one.id))
            for one, values in self._read_by(name)
            if exchange_reach(self.viewer) in (None, values.get("branch"))
        ]

    @needs("exchanges")
    def unread_sample(self, exchange: str) -> bytes:
        """The latest that could not be read of an exchange, a record a line: to find out whose format it is, not to be
        shown. Empty outside the viewer's span."""
        reach = exchange_reach(self.viewer)
        near = any(one.id == exchange and reach in (None, (effective(one) or {}).get("branch")) for one in self._all())
        return self._shelf.unread_sample(exchange) if near else b""

    def _all(self) -> list[SavedExchange]:
        return self._exchanges.all()

    @needs("exchanges")
    def save(self, name: str, source: str, version: int) -> SavedProfile:
        """Saves a text under a name. ``version`` is the one that was changed, 0 for a new name.

        Raises Invalid for a name that can't be taken, Faulty for a text, Conflict where somebody else was quicker,
        NotAllowed where exchanges outside the viewer's span are read by it.
        """
        if not NAME.fullmatch(name):
            raise Invalid(
                "A profile's name is made of small letters, digits and hyphens, such as avaya-floor3",
                "name",
                "bad-name",
            )
        if name in self._shipped:
            raise Invalid(
                "A profile of this name ships with the product and stays as it is; choose another name",
                "name",
                "shipped-name",
            )
        newest = next(iter(self._shelf.versions(name)), None)
        holds = 0 if newest is None or newest.removed else newest.version
        if holds and version == 0:
            raise Invalid("There is a profile of this name already; choose another name", "name", "name-taken")
        if version != holds:
            raise Conflict(CHANGED_MEANWHILE)
        return self._keep(name, source, newest)

    @needs("exchanges")
    def go_back(self, name: str, wanted: int, version: int) -> SavedProfile:
        """Has an older version hold again, as a new one. ``version`` is the newest that the viewer knows."""
        newest, *_rest = found = self._known(name, version)
        source = next((one.source for one in found if one.version == wanted), "")
        if not source:
            raise NotFound(NO_SUCH_PROFILE)
        return self._keep(name, source, newest)

    @needs("exchanges")
    def remove(self, name: str, version: int) -> SavedProfile:
        """Has there be no such profile. Conflict while exchanges are read by it, or where it was changed meanwhile."""
        newest, *_rest = self._known(name, version)
        if newest.removed:
            return newest
        if next(self._read_by(name), None) is not None:
            raise Conflict("Exchanges are read by this profile; choose another one for them, then remove it")
        return self._put(name, version + 1, "")

    def _keep(self, name: str, source: str, newest: SavedProfile | None) -> SavedProfile:
        self._hold_reach(name)
        faults = self._faults(source, name)
        if faults:
            raise Faulty(faults)
        if newest is not None and newest.source == source:
            return newest
        return self._put(name, 1 if newest is None else newest.version + 1, source)

    def _put(self, name: str, version: int, source: str) -> SavedProfile:
        saved = SavedProfile(name, version, self._clock.now(), self.viewer.id, source)
        self._shelf.put(saved)
        return saved

    def _known(self, name: str, version: int) -> list[SavedProfile]:
        """All versions, if the newest is the one that the viewer knows."""
        found = self._versions(name)
        if found[0].version != version:
            raise Conflict(CHANGED_MEANWHILE)
        return found

    def _versions(self, name: str) -> list[SavedProfile]:
        found = self._shelf.versions(name)
        if not found:
            raise NotFound(NO_SUCH_PROFILE)
        return found

    def _read_by(self, name: str) -> Iterator[tuple[SavedExchange, dict[str, Any]]]:
        for one in self._exchanges.all():
            values = effective(one)
            if values is not None and not one.now.removed and values.get("profile") == name:
                yield one, values

    def _hold_reach(self, name: str) -> None:
        reach = exchange_reach(self.viewer)
        if reach is not None and any(values.get("branch") != reach for _one, values in self._read_by(name)):
            raise NotAllowed(
                "Exchanges that you do not look after are read by this profile; save yours under another name"
            )
