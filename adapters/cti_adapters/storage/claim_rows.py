"""Claims without a call, as they are written: found when a record is made, and explained when a call becomes known
later, or a time in which an exchange was not heard. System work in the transaction that it happens in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Within
from cti_adapters.storage.gate import tier
from cti_adapters.storage.schema import customers, exchanges, gaps, history, sights, users
from cti_adapters.storage.schema_review import claims
from cti_server.review.claims import Away, away_at
from cti_server.shared.feed import GapChange
from cti_server.shared.scope import Label

GAPS_MOST: Final = 20
"""Of one exchange: more do not lie within a window."""


class Began(NamedTuple):
    """A call that may be a customer's. ``at`` is when it began, epoch seconds, UTC."""

    customer: str
    call_id: str
    at: float


def note_claim(connection: Connection, history_id: int, window: float) -> Label | None:
    """Notes that a record claims a call that no exchange saw, where it does. ``window``: seconds before and after it
    in which a call explains it. Gives the customer's label, for whom it shows up."""
    told = connection.execute(_TOLD, {"b_id": history_id}).one()
    since, until = told.at - window, told.at + window
    seen = {"b_code": told.customer_code, "b_since": since, "b_until": until}
    if connection.execute(_SEEN, seen).first() is not None:
        return None
    branches = {told.branch, told.by_branch}
    away = away_at(told.at, _gaps(connection, branches, until), window)
    row = {
        "history_id": history_id,
        "customer_code": told.customer_code,
        "tier": tier("customer", told.confidentiality),
        "branch": told.branch,
        "rep": told.rep,
        "confidentiality": told.confidentiality,
        "by": told.by,
        "by_branch": told.by_branch or "",
        "at": told.at,
        "since": since,
        "until": until,
    }
    if away is not None:
        row |= _away(away)
    connection.execute(insert(claims), row)
    return Label("customer", told.branch, told.rep, told.confidentiality)


def drop_claim(connection: Connection, history_id: int) -> None:
    """The record was taken back: it claims nothing."""
    connection.execute(claims.delete().where(claims.c.history_id == history_id))


def explain(connection: Connection, began: Iterable[Began], now: float) -> None:
    """Calls became known: those that wait for one of them have it."""
    calls: dict[str, list[Began]] = defaultdict(list)
    for one in began:
        calls[one.customer].append(one)
    if not calls:
        return
    for claim in list(_WAITING.rows(connection, calls)):
        found = [one for one in calls[claim.customer_code] if claim.since <= one.at <= claim.until]
        if not found:
            continue
        nearest = min(found, key=lambda one: abs(one.at - claim.at))
        known = {"state": "explained", "pending": False, "call_id": nearest.call_id}
        connection.execute(update(claims).where(claims.c.id == claim.id).values(known))
        entry = {"at": now, "user": None, "act": "claim explained", "subject_kind": "customer"}
        entry |= {"subject_id": claim.customer_code, "customer_code": claim.customer_code}
        detail = {"claim": claim.id, "history": claim.history_id, "call": nearest.call_id}
        append(connection, [entry | {"detail": detail}])


def hide(connection: Connection, exchange: str, changed: Iterable[GapChange]) -> None:
    """Times became known in which an exchange was not heard: claims of its branch may be from then."""
    branch = connection.execute(select(exchanges.c.branch).where(exchanges.c.id == exchange)).scalar_one_or_none()
    for gap in changed if branch else ():
        within = [claims.c.until >= gap.started_at, claims.c.at >= gap.started_at - (claims.c.until - claims.c.at)]
        if gap.ended_at is not None:
            within.append(claims.c.since <= gap.ended_at)
        statement = (
            update(claims)
            .where(claims.c.pending.is_(True), or_(claims.c.branch == branch, claims.c.by_branch == branch), *within)
            .where(or_(claims.c.state == "open", claims.c.exchange == exchange))
        )
        connection.execute(statement.values(_away(Away(exchange, gap.started_at, gap.ended_at))))


def move(connection: Connection, code: str, label: dict[str, Any]) -> None:
    """A customer's branch, rep or class changed: its claims are seen by others from now on."""
    connection.execute(update(claims).where(claims.c.customer_code == code).values(label))


def _away(away: Away) -> dict[str, Any]:
    return {"state": "away", "exchange": away.exchange, "away_since": away.since, "away_until": away.until}


def _gaps(connection: Connection, branches: Iterable[str | None], until: float) -> list[Away]:
    found: list[Away] = []
    for (exchange,) in connection.execute(select(exchanges.c.id).where(exchanges.c.branch.in_(set(branches) - {None}))):
        query = select(gaps.c.started_at, gaps.c.ended_at).where(
            gaps.c.exchange == exchange, gaps.c.started_at <= until
        )
        rows = connection.execute(query.order_by(gaps.c.started_at.desc()).limit(GAPS_MOST))
        found += [Away(exchange, started_at, ended_at) for started_at, ended_at in rows]
    return found


_TOLD: Final = (
    select(history.c.customer_code, history.c.at, history.c.by, users.c.branch.label("by_branch"))
    .add_columns(customers.c.branch, customers.c.rep, customers.c.confidentiality)
    .join(customers, customers.c.code == history.c.customer_code)
    .outerjoin(users, users.c.id == history.c.by)
    .where(history.c.id == bindparam("b_id"))
)
_SEEN: Final = (
    select(sights.c.id)
    .where(sights.c.customer_code == bindparam("b_code"), sights.c.match == "exact")
    .where(sights.c.started_at >= bindparam("b_since"), sights.c.started_at <= bindparam("b_until"))
    .limit(1)
)
_WAITING: Final = Within(
    select(claims.c.id, claims.c.history_id, claims.c.customer_code, claims.c.at, claims.c.since, claims.c.until).where(
        claims.c.pending.is_(True)
    ),
    claims.c.customer_code,
)
