"""The daemon's side of a call back: what it has to place, and what became of it. System work (scope EVERYTHING)."""

from __future__ import annotations

from sqlalchemy import select

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Dial, Sight
from cti_server.calls.ports import DialEntry
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label

STILL_WANTED = 60.0
"""A call back that could not be placed for so long (seconds) isn't placed any more: its rep may be gone."""
OVER = frozenset({"answered", "busy", "noanswer", "failed"})


def asked_dial(session: GatedSession, dial_id: int) -> DialEntry | None:
    """A call that is still to be placed; null where it was placed, or there is no such request."""
    row = session.get(Dial, dial_id)
    if row is None or row.state != "asked":
        return None
    return DialEntry(
        user=row.user,
        exchange=row.exchange,
        extension=row.extension,
        number=row.number,
        at=row.asked_at,
        item=row.item_id,
        call=row.call_id,
        customer=row.customer_code,
        state=row.state,
    )


def give_up_dials(session: GatedSession, at: float) -> None:
    """For a server that starts: nobody follows the calls back of before any more, so none may stand as under way."""
    for row in session.scalars(select(Dial).where(Dial.state.not_in(OVER), Dial.ended_at.is_(None))):
        if row.state == "asked" and at - row.asked_at < STILL_WANTED:
            continue  # its outbox row may still wait, and is handled then
        row.state, row.reason, row.ended_at = "failed", "unanswered", at


def record_dial_outcome(
    session: GatedSession, dial_id: int, state: str, at: float, *, reason: str = "", made_call: str | None = None
) -> WorkChanged | None:
    """Writes how far a call back is (``asked``, ``ringing``, ``answered``, ``busy``, ``noanswer``, ``failed``); an
    outcome is final. Returns the notice to give out after the commit; null where nothing changed."""
    row = session.get(Dial, dial_id)
    if row is None or row.state in OVER or (row.state == state and row.reason == reason):
        return None
    row.state, row.reason = state, reason
    row.made_call = made_call or row.made_call
    if state in OVER:
        row.ended_at = at
    session.flush()
    return WorkChanged(
        _labels(session, row),
        (row.call_id,) if row.call_id else (),
        (row.item_id,) if row.item_id is not None else (),
        (row.user,),
    )


def _labels(session: GatedSession, row: Dial) -> tuple[Label, ...]:
    of = [Sight.call_id == row.call_id] if row.call_id else [Sight.customer_code == row.customer_code]
    query = select(Sight.kind, Sight.branch, Sight.rep, Sight.confidentiality).where(*of).distinct().limit(50)
    return tuple(Label(kind, branch, rep, level) for kind, branch, rep, level in session.execute(query))
