"""Contact records that were asked for, as they are written beside what they hang on: answered by a record, asked for
again where it is taken back, following their customer. System work in the transaction that it happens in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from sqlalchemy import Connection, select, update

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Within
from cti_adapters.storage.gate import UNREGISTERED
from cti_adapters.storage.schema import history, history_calls
from cti_adapters.storage.schema_review import requests
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Kind, Label


def answer(connection: Connection, calls: Iterable[str], history_id: int, by: str, at: float) -> list[WorkChanged]:
    """A record of these calls was made: what was asked for is there. Gives what the screens are told."""
    found = list(_OPEN.rows(connection, list(calls)))
    for row in found:
        closed = {"state": "answered", "closed_at": at, "closed_by": by, "history_id": history_id}
        connection.execute(update(requests).where(requests.c.id == row.id).values(closed))
        append(connection, [entry(row, "record answered", by, at, {"history": history_id})])
    return [notice(row) for row in found]


def reopen(connection: Connection, history_id: int, at: float) -> list[WorkChanged]:
    """A record was taken back: what it answered waits again, unless another record of the call is there."""
    query = select(requests).where(requests.c.history_id == history_id, requests.c.state == "answered")
    found = connection.execute(query).all()
    for row in found:
        other = (
            select(history.c.id, history.c.by, history.c.at)
            .join(history_calls, history_calls.c.history_id == history.c.id)
            .where(history_calls.c.call_id == row.call_id, history.c.undone.is_(False))
            .where(history.c.id != history_id, history.c.at >= row.at)
            .order_by(history.c.id)
            .limit(1)
        )
        record = connection.execute(other).first()
        if record is None:
            values: dict[str, Any] = {"state": "open", "closed_at": None, "closed_by": None, "history_id": None}
            append(connection, [entry(row, "record missing again", None, at, {"history": history_id})])
        else:
            values = {"closed_at": record.at, "closed_by": record.by, "history_id": record.id}
        connection.execute(update(requests).where(requests.c.id == row.id).values(values))
    return [notice(row) for row in found]


def move(connection: Connection, code: str, label: Mapping[str, Any]) -> None:
    """A customer's branch, rep or class changed: what was asked for is seen by others from now on."""
    connection.execute(update(requests).where(requests.c.customer_code == code).values(dict(label)))


def follow(connection: Connection, sights: Iterable[Mapping[str, Any]]) -> None:
    """It became known who called: what was asked for a caller who was not registered is about that customer now (the
    first, where a number has several)."""
    first: dict[str, Mapping[str, Any]] = {}
    for sight in sights:
        if sight["customer_code"] is not None:
            first.setdefault(sight["call_id"], sight)
    for call_id, sight in first.items():
        values = {name: sight[name] for name in ("kind", "customer_code", "tier", "branch", "rep", "confidentiality")}
        of_nobody = update(requests).where(requests.c.call_id == call_id, requests.c.tier == UNREGISTERED)
        connection.execute(of_nobody.values(values))


def label_of(row: Any) -> Label:
    """Under what a request is seen."""
    return Label(cast(Kind, row.kind), row.branch, row.rep, row.confidentiality)


def notice(row: Any) -> WorkChanged:
    """What the screens are told when a request changed."""
    return WorkChanged((label_of(row),), (row.call_id,), (), (row.to,))


def entry(row: Any, act: str, by: str | None, at: float, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What the call's trail says of it."""
    about = {"subject_kind": "call", "subject_id": row.call_id, "customer_code": row.customer_code}
    return {"at": at, "user": by, "act": act, **about, "detail": {"request": row.id, **detail}}


_OPEN: Final = Within(select(requests).where(requests.c.state == "open"), requests.c.call_id)
