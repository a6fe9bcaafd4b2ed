"""Telephones: whose an extension is, taking one for the day, and looking after them (spec C1, C5, Exchanges).

``Telephones(rows, viewer, clock)``: a viewer at work in one transaction. Who looks after exchanges sees and changes the
extensions of those in their span; who handles calls may sit down at one of their branch (of any, where their role spans
all). What lies outside reads as not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.identity import seating
from cti_server.identity.telephone_ports import Person, Place, Rang, Site, TelephoneRows, Wanted
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.scope import Span
from cti_server.shared.telephones import Seat, Telephone
from cti_server.shared.viewer import Viewer, exchange_reach, needs

LONGEST_SECONDS: Final = 86_400.0
"""So long somebody sits at an extension at most: it is for the day."""
LATELY_SECONDS: Final = 7 * 86_400.0
"""So long ago an extension that nobody entered may have rung last to be offered."""
PAGE_MOST: Final = 200
PAST_MOST: Final = 50
EXTENSION_LONGEST: Final = 12
NO_SUCH_EXTENSION: Final = "There is no such extension; ask whoever looks after the exchanges to enter it"
NO_SUCH_EXCHANGE: Final = "There is no such exchange"


@dataclass(frozen=True, slots=True)
class Row:
    """An extension as its reader may see it. ``seat`` is who sits there now, ``names`` how the people in it are
    called."""

    telephone: Telephone
    site: Site
    seat: Seat | None
    names: Mapping[str, str]

    @property
    def exchange(self) -> str:
        """Which exchange's it is."""
        return self.telephone.exchange

    @property
    def extension(self) -> str:
        """The extension."""
        return self.telephone.extension

    @property
    def kind(self) -> str:
        """``own``, ``shared`` or ``free``."""
        return "shared" if self.telephone.shared else "own" if self.telephone.user else "free"

    def name(self, user: str | None) -> str:
        """How somebody is called; the id where they have no name."""
        return self.names.get(user or "", "") or (user or "")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of extensions; ``next`` is the place of the next one."""

    rows: list[Row]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do: the extension as it is (null: it is new) and whose it would be."""

    site: Site
    extension: str
    now: Row | None
    user: Person | None
    shared: bool
    removes: bool = False

    @property
    def changes(self) -> bool:
        """Whether there is anything to change."""
        if self.now is None or self.removes:
            return True
        was = self.now.telephone
        return (was.user, was.shared) != (self.user.id if self.user else None, self.shared)


@dataclass(frozen=True, slots=True)
class Mine:
    """Where a viewer's calls ring now: ``seat`` is the extension that they took for the day; ``own`` are theirs, with
    who sits there instead."""

    seat: Row | None
    own: list[Row] = field(default_factory=list)


class Telephones:
    """A viewer at work."""

    def __init__(self, rows: TelephoneRows, viewer: Viewer, clock: Clock) -> None:
        self._rows = rows
        self.viewer = viewer
        self._clock = clock

    # --- looking after them

    @needs("exchanges")
    def sites(self) -> list[Site]:
        """The exchanges in the viewer's span."""
        return self._sites(exchange_reach(self.viewer))

    @needs("exchanges")
    def listed(self, wanted: Wanted, after: Place | None = None, limit: int = 50) -> Page:
        """Extensions by exchange and number."""
        sites = {one.id: one for one in self.sites()}
        chosen = [wanted.exchange] if wanted.exchange else list(sites)
        limit = max(1, min(limit, PAGE_MOST))
        found, following = self._rows.page(
            [one for one in chosen if one in sites], wanted, after, limit, self._clock.now()
        )
        return Page(self._shown(found, sites), following)

    @needs("exchanges")
    def unknown(self) -> list[Rang]:
        """Extensions that rang within the last days though nobody entered them, the latest first."""
        return self._rows.rang_lately(self.sites(), self._clock.now() - LATELY_SECONDS)

    @needs("exchanges")
    def one(self, exchange: str, extension: str) -> Row:
        """One of them. NotFound outside the viewer's span."""
        site = self._site(exchange)
        known = self._rows.telephone(exchange, extension)
        if known is None:
            raise NotFound(NO_SUCH_EXTENSION)
        return self._shown([known], {exchange: site})[0]

    @needs("exchanges")
    def past(self, exchange: str, extension: str) -> tuple[list[Seat], Mapping[str, str]]:
        """Who had an extension when, the latest first, and how they are called."""
        self.one(exchange, extension)
        seats = self._rows.past(exchange, extension, PAST_MOST)
        return seats, self._names(user for one in seats for user in (one.user, one.ended_by))

    @needs("exchanges")
    def staff(self) -> list[Person]:
        """Whose an extension may be: everybody active within the viewer's span."""
        return self._rows.staff(exchange_reach(self.viewer))

    @needs("exchanges")
    def plan(self, exchange: str, extension: str, user: str | None, shared: bool, *, new: bool) -> Plan:
        """What :meth:`put` would do. Raises Invalid for what can't be: an extension that is none, a user who is none,
        one that is entered already where a ``new`` one is wanted, a shared one of a user."""
        site = self._site(exchange)
        extension = _checked(extension)
        person = None
        if user:
            if shared:
                raise Invalid("A shared telephone is nobody's; leave the user empty", "user", "shared-of-user")
            person = next((one for one in self.staff() if one.id == user), None)
            if person is None:
                raise Invalid("There is no such user; choose one of the list", "user", "no-user")
        known = self._rows.telephone(exchange, extension)
        if known is not None and new:
            if user:
                seating.check_free_for(self._rows, exchange, extension, user)
            raise Invalid(f"Extension {extension} is entered already; change it there", "extension", "extension-known")
        if known is None and not new:
            raise NotFound(NO_SUCH_EXTENSION)
        return Plan(site, extension, self.one(exchange, extension) if known is not None else None, person, shared)

    @needs("exchanges")
    def put(
        self, exchange: str, extension: str, user: str | None, shared: bool, *, new: bool, seen: str | None = None
    ) -> Plan:
        """Saves it; ``seen`` is the state that the change was made on (:func:`state_of`), Conflict if it is another by
        now."""
        plan = self.plan(exchange, extension, user, shared, new=new)
        if not new and plan.now is not None and seen is not None and seen != state_of(plan.now.telephone):
            raise Conflict("Somebody else changed this extension in the meantime; look at it again")
        person = plan.user.id if plan.user is not None else None
        now = self._clock.now()
        seating.assign(self._rows, exchange, plan.extension, person, shared=shared, now=now, by=self.viewer.id)
        return plan

    @needs("exchanges")
    def remove(self, exchange: str, extension: str) -> Row:
        """Removes one; its calls stay, and whose they were."""
        row = self.one(exchange, extension)
        seating.forget(self._rows, row.telephone, self._clock.now(), self.viewer.id)
        return row

    @needs("exchanges")
    def end(self, exchange: str, extension: str) -> Seat:
        """Ends that somebody sits at an extension. Invalid where nobody does."""
        row = self.one(exchange, extension)
        ended = seating.end_seat(self._rows, row.telephone, "administrator", self._clock.now(), self.viewer.id)
        if ended is None:
            raise Invalid(f"Nobody sits at {extension} any more", "extension", "nobody-sits")
        return ended

    # --- taking one for the day

    @needs("handle")
    def mine(self) -> Mine:
        """Where the viewer's calls ring now."""
        sites = {one.id: one for one in self._rows.sites()}
        now = self._clock.now()
        found = self._rows.seat(self.viewer.id)
        sat = found[0] if found is not None and found[1].covers(now) and found[0].exchange in sites else None
        own = [one for one in self._rows.own(self.viewer.id) if one.exchange in sites]
        rows = self._shown([*own, *([sat] if sat is not None else [])], sites)
        return Mine(rows.pop() if sat is not None else None, rows)

    @needs("handle")
    def to_take(self) -> list[Site]:
        """The exchanges at which the viewer may sit down."""
        return self._sites(None if self.viewer.scope.span is Span.ALL else self.viewer.branch)

    @needs("handle")
    def offered(self, limit: int) -> list[Row]:
        """The extensions at which the viewer may sit down, but for those that ring at theirs already."""
        sites = {one.id: one for one in self.to_take()}
        found, _more = self._rows.page(list(sites), Wanted(), None, limit, self._clock.now())
        rows = self._shown([one for one in found if not one.shared], sites)
        return [one for one in rows if (one.seat.user if one.seat else one.telephone.user) != self.viewer.id]

    @needs("handle")
    def at(self, exchange: str, extension: str) -> Row:
        """The extension that the viewer wants to take. NotFound where there is none within their reach, Invalid where
        it is a shared one."""
        sites = {one.id: one for one in self.to_take()}
        known = self._rows.telephone(exchange, extension.strip()) if exchange in sites else None
        if known is None:
            raise NotFound(NO_SUCH_EXTENSION)
        if known.shared:
            raise Invalid(
                f"{known.extension} is a shared telephone, which nobody takes for the day: who took a call there is "
                "entered with the call",
                "extension",
                "shared-not-taken",
            )
        return self._shown([known], sites)[0]

    @needs("handle")
    def take(self, exchange: str, extension: str, until: float | None = None) -> Row:
        """The viewer sits at an extension from now on: its calls are theirs, until then, or (null) until they sign out,
        at the latest midnight. Whoever sat there sits there no more, and is told; nor does the viewer elsewhere. Gives
        the extension as it was before. Who takes their own back just ends that somebody else sits there."""
        before = self.at(exchange, extension)
        now = self._clock.now()
        ends = self._end_of(until, now)
        own = before.telephone.user == self.viewer.id
        seat = before.seat
        if seat is not None and seat.user == self.viewer.id:
            self._rows.lengthen(seat, ends, until is None)
            return before
        if own and seat is None:
            raise Invalid(f"{extension} is yours anyway: its calls ring at yours", "extension", "own-already")
        seating.end_seat(self._rows, before.telephone, "taken", now, self.viewer.id, tells=False)
        if not own:
            self._sit(before.telephone, Seat(self.viewer.id, now, ends, at_sign_out=until is None))
        whom = (self.viewer.id, before.telephone.user, seat.user if seat is not None else None)
        seating.tell(self._rows, exchange, before.extension, now, "taken", self.viewer.id, whom)
        return before

    def _sit(self, telephone: Telephone, seat: Seat) -> None:
        elsewhere = self._rows.seat(self.viewer.id)
        if elsewhere is not None:
            seating.end_seat(self._rows, elsewhere[0], "moved", seat.since, self.viewer.id)
        self._rows.sit(telephone.exchange, telephone.extension, seat)
        detail = {"user": self.viewer.id, "until": seat.until, "own": telephone.user}
        self._rows.note(seat.since, self.viewer.id, "seat-taken", telephone.exchange, telephone.extension, detail)

    @needs("handle")
    def leave(self) -> Row | None:
        """The viewer sits there no more; gives where. Null where they sat nowhere."""
        row = self.mine().seat
        if row is not None:
            seating.end_seat(self._rows, row.telephone, "left", self._clock.now(), self.viewer.id)
        return row

    def _end_of(self, until: float | None, now: float) -> float:
        if until is None:
            zone = ZoneInfo(self.viewer.timezone)
            tomorrow = datetime.fromtimestamp(now, zone).date() + timedelta(days=1)
            return datetime.combine(tomorrow, time(), zone).timestamp()
        if not now < until <= now + LONGEST_SECONDS:
            raise Invalid("A telephone is taken for the day: choose an hour within the next 24", "until", "wrong-until")
        return until

    # --- what all of it needs

    def _sites(self, branch: str | None) -> list[Site]:
        return [one for one in self._rows.sites() if branch in (None, one.branch)]

    def _site(self, exchange: str) -> Site:
        found = next((one for one in self.sites() if one.id == exchange), None)
        if found is None:
            raise NotFound(NO_SUCH_EXCHANGE)
        return found

    def _names(self, users: Iterable[str | None]) -> dict[str, str]:
        return {one.id: one.name or one.id for one in self._rows.people({user for user in users if user}).values()}

    def _shown(self, found: Iterable[Telephone], sites: Mapping[str, Site]) -> list[Row]:
        now = self._clock.now()
        seated = [(one, one.seat(now)) for one in found]
        names = self._names(user for one, seat in seated for user in (one.user, seat.user if seat else None))
        return [Row(one, sites[one.exchange], seat, names) for one, seat in seated]


def state_of(telephone: Telephone) -> str:
    """Whose an extension is, as one word that a form can hold."""
    return "shared" if telephone.shared else f"of {telephone.user}" if telephone.user else "free"


def _checked(extension: str) -> str:
    bare = extension.strip()
    if not bare or len(bare) > EXTENSION_LONGEST or not bare.isascii() or not bare.replace("*", "0").isdigit():
        raise Invalid("An extension has up to 12 digits, such as 2003", "extension", "wrong-extension")
    return bare
