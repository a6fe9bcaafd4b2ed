"""Changing whose an extension is, and who sits there: used by pages, by the command line and by a sign-out alike. Every
change ends what it makes untrue, stands in the trail, and is told to those whom it concerns."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cti_server.identity.telephone_ports import TelephoneRows
from cti_server.shared.errors import Invalid
from cti_server.shared.telephones import Ending, Seat, Telephone

FIRST: Final = 0.0
"""Since when the first user of an extension has it: as long as nobody is known to have had it before, a call that came
before it was entered is theirs."""


def assign(
    rows: TelephoneRows, exchange: str, extension: str, user: str | None, *, shared: bool, now: float, by: str | None
) -> None:
    """Makes an extension a user's own, a shared one, or a free one."""
    known = rows.telephone(exchange, extension)
    if known is not None and (known.user, known.shared) == (user, shared):
        return
    before = known or Telephone(exchange, extension)
    if shared:
        end_seat(rows, before, "shared", now, by)
    _keep_past(rows, before, now, by)
    fresh = known is None and not rows.past(exchange, extension, 1)
    rows.put(Telephone(exchange, extension, user, shared, FIRST if fresh else now))
    detail = {"user": user, "shared": shared, "before": before.user}
    rows.note(now, by, "extension-changed" if known is not None else "extension-added", exchange, extension, detail)
    tell(rows, exchange, extension, now, "changed", by, (before.user, user))


def forget(rows: TelephoneRows, known: Telephone, now: float, by: str | None) -> None:
    """Removes an extension; who had it, and when, stays."""
    end_seat(rows, known, "removed", now, by)
    _keep_past(rows, known, now, by)
    rows.drop(known.exchange, known.extension)
    rows.note(now, by, "extension-removed", known.exchange, known.extension, {"before": known.user})
    tell(rows, known.exchange, known.extension, now, "removed", by, (known.user,))


def _keep_past(rows: TelephoneRows, before: Telephone, now: float, by: str | None) -> None:
    if before.user is not None:
        past = Seat(before.user, before.since, now, now, day=False, ended_why="changed", ended_by=by)
        rows.sit(before.exchange, before.extension, past)


def end_seat(
    rows: TelephoneRows, known: Telephone, why: Ending, now: float, by: str | None, *, tells: bool = True
) -> Seat | None:
    """Ends that somebody sits at an extension; gives the seat. Null where nobody did. One whose hour had come is
    written down as over since then. Without ``tells`` the screens are told by whoever asked for it."""
    open_one = next((one for one in known.seats if one.day and one.ended_at is None), None)
    if open_one is None:
        return None
    over = open_one.until <= now
    if over:
        why, by = "time", None
    rows.end(open_one, min(now, open_one.until), why, by)
    detail = {"user": open_one.user, "since": open_one.since, "why": why}
    rows.note(now, by, "seat-ended", known.exchange, known.extension, detail)
    if tells or over:
        tell(rows, known.exchange, known.extension, now, why, by, (open_one.user, known.user))
    return None if over else replace(open_one, ended_at=now, ended_why=why, ended_by=by)


def hours_come(rows: TelephoneRows, now: float) -> bool:
    """Writes down, and tells, where somebody's hour has come; whether there was any."""
    over = rows.over(now)
    for known in over:
        end_seat(rows, known, "time", now, None)
    return bool(over)


def sign_out(rows: TelephoneRows, user: str, now: float, *, forced: bool) -> None:
    """A user signed out: the seat that was to last until then is over; ``forced``: every one is, since an administrator
    keeps them out."""
    found = rows.seat(user)
    if found is not None and (forced or found[1].at_sign_out):
        end_seat(rows, found[0], "signed-out", now, user if not forced else None)


def tell(
    rows: TelephoneRows,
    exchange: str,
    extension: str,
    now: float,
    why: str,
    by: str | None,
    users: tuple[str | None, ...],
) -> None:
    """Tells the daemon who has an extension from now on, and the screens of those whom that concerns."""
    known = rows.telephone(exchange, extension)
    held = known.held(now) if known is not None else None
    told = sorted({user for user in users if user})
    body = {
        "exchange": exchange,
        "extension": extension,
        "holder": held.user if held is not None else None,
        "users": told,
        "why": why,
        "by": by,
    }
    rows.tell(body, now)


def check_free_for(rows: TelephoneRows, exchange: str, extension: str, user: str) -> None:
    """Raises Invalid where an extension is somebody else's own, or a shared one: two users on one extension would each
    get the other's calls."""
    known = rows.telephone(exchange, extension)
    if known is None or known.user == user or (known.user is None and not known.shared):
        return
    if known.shared:
        raise Invalid(
            f"Extension {extension} of exchange {exchange} is a shared telephone, so that it can't be that of one "
            "user; change that first",
            "extension",
            "extension-shared",
        )
    theirs, wanted = (_named(rows, one) for one in (known.user or "", user))
    raise Invalid(
        f"Extension {extension} of exchange {exchange} is that of user {theirs}, so that it can't be that of user "
        f"{wanted} too; take it from {known.user} first",
        "extension",
        "extension-taken",
    )


def _named(rows: TelephoneRows, user: str) -> str:
    found = rows.person(user)
    return f"{user} ({found.name})" if found is not None and found.name else user
