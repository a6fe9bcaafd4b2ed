"""Notices: what happened, told to the screens after it was committed. They carry ids and labels, never more than each
viewer may know; the hub asks ``Scope.admits`` for each label and viewer (spec C4, C5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from cti_server.shared.scope import Label


@dataclass(frozen=True, slots=True)
class Candidate:
    """One customer (or nobody registered) that a call may be from, as a card for the screen of those who may see it.

    ``card`` is plain data (JSON types): for a customer code, name, kana, class, branch, rep, match quality, last
    contacts, open calls; for an unregistered caller it is empty.
    """

    label: Label
    card: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call came, moved on or ended. ``call`` is plain data without identity (state, times, extensions, direction);
    ``number`` and ``name`` (identity too) go only to viewers whom a candidate's label admits, masked where the rule
    says so. ``receiver`` is the user on the talking extension, ``ringing`` the users on the ringing ones."""

    call_id: str
    call: dict[str, Any]
    candidates: tuple[Candidate, ...]
    number: str | None = None
    name: str | None = None
    ringing: tuple[str, ...] = ()
    receiver: str | None = None
    telephones: tuple[tuple[str, str], ...] = ()
    """(extension, user) of those that ring: whose they are."""

    def handed(self, extension: str, holder: str | None) -> CallChanged:
        """The same with another user (or nobody) at a telephone that rings."""
        others = [one for one in self.telephones if one[0] != extension]
        telephones = tuple(others) if holder is None else (*others, (extension, holder))
        return replace(self, telephones=telephones, ringing=tuple(dict.fromkeys(user for _one, user in telephones)))


@dataclass(frozen=True, slots=True)
class WorkChanged:
    """What is open or handled changed for those whom one of the labels admits: lists and counts are to be fetched
    again. ``call_ids`` and ``item_ids`` say of what."""

    labels: tuple[Label, ...]
    call_ids: tuple[str, ...] = ()
    item_ids: tuple[int, ...] = ()
    users: tuple[str, ...] = ()
    """Told besides (somebody handed it to them); they still see only what their scope admits."""


GONE: Final = "gone"
"""The state of an exchange that was removed."""


@dataclass(frozen=True, slots=True)
class ExchangeChanged:
    """The state of an exchange changed (connected, lost, refused, a gap opened or closed). ``state`` is that of its
    link, ``new`` where it was only just set up, or ``GONE``."""

    exchange: str
    branch: str
    state: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session was ended (signed out, or by an administrator): its streams are closed."""

    session: str


@dataclass(frozen=True, slots=True)
class SeatChanged:
    """Whose telephone an extension is changed: ``holder`` has it from now on (null: nobody). ``users`` are those whose
    screens are told: who got it, who has it no more. ``why`` is a ``telephones.Ending``, ``by`` the name of who did it
    (empty: nobody)."""

    exchange: str
    extension: str
    holder: str | None
    users: tuple[str, ...]
    why: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class PopUpTested:
    """A user wants to see whether pop-ups reach their screens: told to nobody else, and kept nowhere. ``number`` says
    which test; ``asked_at`` is when, epoch seconds, UTC."""

    user: str
    number: int
    asked_at: float


@dataclass(frozen=True, slots=True)
class PlayAnswered:
    """A simulated exchange answered a tester who has a scenario played on it: told to nobody else, and kept nowhere.
    ``refused`` is the sentence in which it said why not; empty where it took it. ``silent``: it did not answer."""

    user: str
    exchange: str
    refused: str = ""
    silent: bool = False


Notice = CallChanged | WorkChanged | ExchangeChanged | SessionEnded | SeatChanged | PopUpTested | PlayAnswered
