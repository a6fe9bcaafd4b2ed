"""A call as it is being put together from events. `call_outcome` turns it into the entry that others see."""

from __future__ import annotations

from typing import Literal

from cti_server.calls.call_legs import Leg, reached
from cti_server.calls.call_plan import LegKind, shown_number
from cti_server.calls.call_states import Happening, after
from cti_server.calls.events import DialStatus
from cti_server.calls.log import State
from cti_server.shared.positions import Position


class Call:
    """One caller's call. ``root`` is its first leg; ``anchor`` the leg whose end ends it: the caller's, until the
    caller hands the other side to somebody else."""

    def __init__(self, id: str, group: str, at: float, position: Position) -> None:
        self.id = id
        self.position = position
        """Where in the journal the first event about it stands."""
        self.legs: set[Leg] = set()
        self.groups = [group]
        self.root: Leg
        self.anchor: Leg
        self.anchor_side: Literal["caller", "callee"] = "caller"
        self.originated = False
        """The exchange called the first leg, on request."""
        self.counts = False
        """Whether it is a call as a person counts them, and not only the use of a feature of the exchange."""
        self.seen_at = at
        self.state: State = "arriving"

        self.started_at = at
        self.caller_number: str | None = None
        self.caller_name: str | None = None
        self.dialled: str | None = None
        self.presented: str | None = None
        self.first_kind: LegKind | None = None
        """Whether a telephone or a trunk was dialled first."""
        self.party: tuple[str | None, str | None] = (None, None)
        """The outside number as received and as E.164, worked out once."""

        self.queue: str | None = None
        self.left_in_queue = False
        self.rang: set[str] = set()
        self.attempted: set[str] = set()
        self.ringing: set[Leg] = set()
        self.ringing_at: float | None = None
        self.first_dial_at: float | None = None
        self.last_dial_end_at: float | None = None
        self.statuses: list[DialStatus] = []
        self.something_rang = False
        self.refused = False
        """Who was dialled last turned the call away by themselves."""
        self.refused_by_exchange = False
        """The exchange gives the caller a busy or congestion tone."""

        self.answered = False
        self.answered_at: float | None = None
        self.talk_from: float | None = None
        self.answered_by_extension: str | None = None
        self.answered_by_number: str | None = None
        self.pbx_answered_at: float | None = None
        self.partner: Leg | None = None
        """Who talks with the anchor, or did last."""
        self.talking_extension: str | None = None
        self.final_extension: str | None = None
        self.transferred_to: list[str] = []
        self.may_come_back_to: set[str] = set()
        """Extensions that transferred it to one that hasn't answered yet."""
        self.transfer_pending = False
        """A blind transfer was made and nothing has been dialled since."""
        self.holders: set[Leg] = set()
        self.held_since: float | None = None
        self.hold_seconds = 0.0

        self.in_voicemail = False
        self.voicemail_left = False
        self.fax = False
        self.recording: str | None = None

        self.anchor_hung_up = False
        self.hangup_cause: int | None = None
        self.partner_hung_up = False
        self.ended_at: float | None = None
        self.ended_between: tuple[float, float] | None = None
        self.merged_into: str | None = None
        self.marks: list[str] = []

    def happens(self, happening: Happening) -> None:
        """Moves the state as the table says."""
        self.state = after(self.state, happening)

    def mark(self, mark: str) -> None:
        """Adds something a reader has to know, once."""
        if mark not in self.marks:
            self.marks.append(mark)

    @property
    def entangled(self) -> bool:
        """Whether some of its events can't be told from another call's without all of the others."""
        return self.originated or len(self.groups) > 1 or bool(self.marks)

    def belongs_to(self, group: str) -> None:
        """The exchange puts it into this group too."""
        if group not in self.groups:
            self.groups.append(group)

    # ------------------------------------------------------------------ ringing
    def starts_ringing(self, leg: Leg, at: float) -> None:
        """A dialled telephone or trunk rings."""
        leg.rang = True
        self.ringing.add(leg)
        if leg.extension:
            self.rang.add(leg.extension)
        if leg is not self.root:
            self.something_rang = True
        if self.ringing_at is None:
            self.ringing_at = at
        self.happens(Happening.RINGS)

    def stops_ringing(self, leg: Leg) -> None:
        """It doesn't any more."""
        if leg in self.ringing:
            self.ringing.discard(leg)
            if not self.ringing:
                self.happens(Happening.RINGS_NO_MORE)

    # ------------------------------------------------------------------ talking
    def answer(self, at: float, *, exactly: bool = True) -> None:
        """A person took it. ``exactly``: at this moment; otherwise at some time before that nobody saw."""
        self.answered = True
        self.talk_from = at
        self.answered_at = at if exactly else None

    def answered_by(self, leg: Leg, at: float, *, exactly: bool = True) -> None:
        """The person at this leg took it, the first one to do so."""
        self.answer(at, exactly=exactly)
        if self.originated and self.root.kind == "trunk":
            self.caller_number = leg.extension  # the exchange called the customer first
        if leg.kind == "extension":
            self.answered_by_extension = leg.extension
        else:
            self.answered_by_number = shown_number(leg.dialled)

    def connect(self, at: float, *, exactly: bool = True) -> None:
        """Looks who talks with the anchor now."""
        found = [leg for leg in reached(self.anchor) if leg.call is self]
        if not found:
            return
        partner = next((leg for leg in found if leg.extension), found[0])
        if partner is not self.partner:
            self.partner_hung_up = False
            self.partner = partner
        if not self.answered:
            self.answered_by(partner, at, exactly=exactly)
        extension = partner.extension or self.anchor.extension
        self.talking_extension = extension
        if extension:
            self.final_extension = extension
        self.may_come_back_to.clear()
        self.happens(Happening.CONNECTED)
        if self.holders:
            self.happens(Happening.HELD)

    def left_alone(self) -> None:
        """Nobody talks with the anchor: it was sent on, and what comes now is a new attempt."""
        self.partner = None
        self.partner_hung_up = False
        self.talking_extension = None
        self.happens(Happening.LEFT_ALONE)

    def hand_over(self, leg: Leg) -> None:
        """The anchor passed its side on; the call lives as long as this leg does."""
        self.anchor = leg
        self.anchor_side = "callee" if self.anchor_side == "caller" else "caller"
        self.anchor_hung_up = False

    # ------------------------------------------------------------------ holding
    def hold(self, leg: Leg, at: float) -> None:
        """Somebody put it on hold."""
        if not self.holders:
            self.held_since = at
        self.holders.add(leg)
        self.happens(Happening.HELD)

    def unhold(self, leg: Leg, at: float) -> None:
        """That somebody took it back, or is gone."""
        if leg not in self.holders:
            return
        self.holders.discard(leg)
        if not self.holders:
            self.hold_over(at)
            self.happens(Happening.RESUMED)

    def hold_over(self, at: float) -> None:
        """Nobody holds it any more."""
        self.holders.clear()
        if self.held_since is not None:
            self.hold_seconds += max(0.0, at - self.held_since)
            self.held_since = None

    # ------------------------------------------------------------------ joining
    def absorb(self, other: Call) -> None:
        """The other one turned out to be part of this one."""
        groups = (*self.groups, *other.groups) if self.started_at <= other.started_at else (*other.groups, *self.groups)
        self.groups = list(dict.fromkeys(groups))
        for leg in other.legs:
            leg.call = self
        self.legs |= other.legs
        self.ringing |= other.ringing
        self.rang |= other.rang
        self.attempted |= other.attempted
        self.position = min(self.position, other.position)
        other.legs = set()
        other.ringing = set()
        other.merged_into = self.id
