"""Notices: what happened, told to the screens after it was committed. They carry ids and labels, never more than each
viewer may know; the hub asks ``Scope.admits`` for each label and viewer (spec C4, C5)."""

from __future__ import annotations

from dataclasses import dataclass, field
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


Notice = CallChanged | WorkChanged | ExchangeChanged | SessionEnded
