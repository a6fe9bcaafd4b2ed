"""A call with a customer who has an open deal is an action of that deal, by itself (spec P1): start, end, who. System
work in the transaction in which the call becomes known, or whose it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from cti_adapters.storage.core import Within
from cti_adapters.storage.schema import calls
from cti_adapters.storage.schema_phases import deal_actions, deals


class DealCall(NamedTuple):
    """A call that was answered, or is over. Epoch seconds, UTC."""

    customer: str
    call_id: str
    incoming: bool
    at: float
    ended_at: float | None
    answered: bool
    user: str | None
    """Which of our people talked, or dialled; null where that is not known."""


def note(connection: Connection, known: Sequence[DealCall]) -> None:
    """Keeps calls as actions of their customers' deals; what is kept already is brought up to date."""
    open_deals: dict[str, list[Any]] = defaultdict(list)
    for row in _OPEN.rows(connection, {one.customer for one in known}) if known else ():
        open_deals[row.customer_code].append(row)
    concerned = [one for one in known if one.customer in open_deals]
    if not concerned:
        return
    kept = {row.call_id: row for row in _KEPT.rows(connection, {one.call_id for one in concerned})}
    for one in concerned:
        said: dict[str, Any] = {"ended_at": one.ended_at, "answered": one.answered}
        before, deal = kept.get(one.call_id), _whose(open_deals[one.customer], one.user)
        if before is not None:
            said |= {} if one.user is None else {"by": one.user}
            if before.customer_code != one.customer:  # somebody picked another candidate
                said |= {"deal_id": deal.id, "phase_id": deal.phase_id}
            connection.execute(update(deal_actions).where(deal_actions.c.id == before.id).values(said))
            continue
        row = {"deal_id": deal.id, "phase_id": deal.phase_id, "kind": "call", "incoming": one.incoming, "at": one.at}
        connection.execute(insert(deal_actions), row | said | {"by": one.user, "note": "", "call_id": one.call_id})
        if one.incoming and not one.answered:
            connection.execute(_URGENT, {"b_id": deal.id, "b_at": one.ended_at or one.at})


def note_known(connection: Connection, call_ids: Iterable[str]) -> None:
    """It became known whose calls these are."""
    found = []
    for row in _CALLS.rows(connection, set(call_ids)):
        over = row.ended_at if row.state == "ended" else None
        if row.answered or over is not None:
            incoming = row.direction == "in"
            found.append(
                DealCall(row.customer_code, row.id, incoming, row.started_at, over, bool(row.answered), row.receiver)
            )
    note(connection, found)


def _whose(open_deals: list[Any], user: str | None) -> Any:
    """The deal of who talked; else the one that came to its phase last."""
    return max(open_deals, key=lambda row: (row.member == user, row.entered_at, row.id))


_OPEN: Final = Within(
    select(deals.c.id, deals.c.customer_code, deals.c.member, deals.c.phase_id, deals.c.entered_at).where(
        deals.c.state == "open"
    ),
    deals.c.customer_code,
)
_KEPT: Final = Within(
    select(deal_actions.c.id, deal_actions.c.call_id, deals.c.customer_code)
    .join(deals, deals.c.id == deal_actions.c.deal_id)
    .where(deal_actions.c.call_id != ""),
    deal_actions.c.call_id,
)
_CALLS: Final = Within(
    select(calls.c.id, calls.c.customer_code, calls.c.direction, calls.c.state, calls.c.started_at, calls.c.ended_at)
    .add_columns(calls.c.answered, calls.c.receiver)
    .where(calls.c.customer_code.is_not(None), or_(calls.c.direction == "in", calls.c.direction == "out")),
    calls.c.id,
)
_URGENT: Final = (
    update(deals)
    .where(deals.c.id == bindparam("b_id"), deals.c.due_at > bindparam("b_at"))
    .values(due_at=bindparam("b_at"))
)
