"""Server-sent events (WHATWG HTML, section 9.2) and what one viewer sees of one call."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from cti_server.shared.notices import CallChanged, PlayAnswered, PopUpTested, SeatChanged
from cti_server.shared.scope import Label, Scope

Show = Callable[[str, bool], str]
"""Formats a telephone number for a reader; masked where the flag says so."""

Mine = Literal["ringing", "talking", "rep", "branch", "span"]

CALL_FACTS = (
    "state",
    "direction",
    "started_at",
    "ringing_at",
    "answered_at",
    "ended_at",
    "disposition",
    "ringing",
    "talking",
    "queue",
    "branch",
    "exchange",
)
"""What every viewer of a call is told of it. Nothing else passes, whatever a notice carries."""


def event(name: str, data: Any, token: str = "") -> bytes:
    """One event as bytes. JSON holds no line break, so one ``data`` line is enough."""
    return frame(name, compact(data), token)


def frame(name: str, data: str, token: str = "") -> bytes:
    """One event from ready-made JSON. ``token`` is what the browser sends back as ``Last-Event-ID``."""
    head = f"id: {token}\n" if token else ""
    return f"{head}event: {name}\ndata: {data}\n\n".encode()


def compact(data: Any) -> str:
    """JSON without spaces."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


class View(NamedTuple):
    """What one viewer may see of a call: which candidates, the whole number or not, and why it concerns them."""

    admitted: tuple[int, ...]
    whole: bool
    mine: Mine


def view_of(scope: Scope, notice: CallChanged) -> View | None:
    """The call as the owner of ``scope`` may see it; None if it does not exist for them.

    Whoever's telephone rings or talks needs the whole number as far as they may see the caller at all (spec C4, C5).
    """
    labels = [candidate.label for candidate in notice.candidates]
    admitted = tuple(index for index, label in enumerate(labels) if scope.admits(label))
    if not admitted:
        return None
    seen = [labels[index] for index in admitted]
    rings, talks = scope.user in notice.ringing, scope.user == notice.receiver
    whole = any(scope.needs_number(label) for label in seen) or (scope.may_handle and (rings or talks))
    return View(admitted, whole, _mine(scope, seen, rings, talks))


def _mine(scope: Scope, seen: list[Label], rings: bool, talks: bool) -> Mine:
    if rings:
        return "ringing"
    if talks:
        return "talking"
    if any(scope.owns(label) for label in seen):
        return "rep"
    return "branch" if any(label.branch == scope.branch for label in seen) else "span"


class CallEvents:
    """The `call` events of one notice: made once per distinct view, however many screens show it."""

    __slots__ = ("_cards", "_facts", "_made", "_notice", "_show", "_token")

    def __init__(self, notice: CallChanged, show: Show, token: str) -> None:
        self._notice = notice
        self._show = show
        self._token = token
        self._facts = ""
        self._cards: dict[int, str] = {}
        self._made: dict[View, bytes] = {}

    def bytes_for(self, view: View) -> bytes:
        """The event for a view."""
        made = self._made.get(view)
        if made is None:
            made = self._made[view] = self._make(view)
        return made

    def _make(self, view: View) -> bytes:
        notice = self._notice
        if not self._facts:
            facts = {"id": notice.call_id} | {name: notice.call.get(name) for name in CALL_FACTS}
            self._facts = compact(facts)[:-1]
        number = None if notice.number is None else self._show(notice.number, not view.whole)
        rest = {
            "number": number,
            "number_masked": number is not None and not view.whole,
            "name": notice.name,
            "mine": view.mine,
        }
        cards = ",".join(self._card(index) for index in view.admitted if notice.candidates[index].card)
        return frame("call", f'{self._facts},"cards":[{cards}],{compact(rest)[1:]}', self._token)

    def _card(self, index: int) -> str:
        card = self._cards.get(index)
        if card is None:
            card = self._cards[index] = compact(self._notice.candidates[index].card)
        return card


def taken(notice: CallChanged, extension: str | None, over: bool, token: str) -> bytes:
    """Told to who took a call from a customer they may not see: that it was taken, nothing of who it was (spec C4)."""
    call = notice.call
    data = {
        "id": notice.call_id,
        "state": "ended" if over else call.get("state"),
        "extension": extension,
        "answered_at": call.get("answered_at"),
        "ended_at": call.get("ended_at"),
    }
    return event("taken", data, token)


def seat(notice: SeatChanged, user: str) -> bytes:
    """Told to who got or lost a telephone. Not one of those that a browser asks for again: the page shows how it is."""
    facts = {"exchange": notice.exchange, "extension": notice.extension, "why": notice.why, "by": notice.by}
    return event("seat", facts | {"mine": notice.holder == user})


def tested(notice: PopUpTested, screens: int, at: float) -> bytes:
    """Told to who wants to see a pop-up."""
    return event("test", {"number": notice.number, "asked_at": notice.asked_at, "sent_at": at, "screens": screens})


def play_answered(notice: PlayAnswered) -> bytes:
    """Told to who has a scenario played on a simulated exchange."""
    return event("play", {"exchange": notice.exchange, "refused": notice.refused, "silent": notice.silent})
