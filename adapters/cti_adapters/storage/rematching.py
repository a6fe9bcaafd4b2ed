"""Past calls follow their customers: matched when a number becomes known, shown to others when a customer moves
(spec C3).

System work within the transaction that changes the customer: what is touched may lie outside the user's scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from cti_adapters.storage import claim_rows, deal_calls, phase_sums, request_rows
from cti_adapters.storage.core import Within
from cti_adapters.storage.gate import tier
from cti_adapters.storage.schema import calls, dials, drafts, history, items, mails, sights
from cti_adapters.storage.sighting import CallFacts, Party, best_match, look_up, seen_by, sight_rows
from cti_adapters.storage.standing_rows import restand
from cti_server.calls.matching import Candidate, attached, caller_key
from cti_server.shared.scope import Label


class Followed(NamedTuple):
    """What changed for the screens."""

    labels: tuple[Label, ...] = ()
    call_ids: tuple[str, ...] = ()
    item_ids: tuple[int, ...] = ()


def rematch(connection: Connection, numbers: Iterable[str], now: float) -> Followed:
    """Matches the calls of these numbers (E.164) that nobody was known for so far. Calls that were matched stay what
    they were. ``now``: epoch seconds, UTC."""
    rows = list(_UNMATCHED.rows(connection, set(numbers)))
    found = look_up(connection, {Party(row.party_e164, row.party_tail) for row in rows})
    known = [(row, found[Party(row.party_e164, row.party_tail)]) for row in rows]
    sure = [(row, group) for row, group in known if group and group[0].quality == "exact"]
    if not sure:
        return Followed()
    moved = _move_items(connection, [(row, group) for row, group in sure if row.open and row.item_id is not None])
    labels: dict[Label, None] = {}
    made: list[dict[str, Any]] = []
    changed = []
    for row, group in sure:
        party = Party(row.party_e164, row.party_tail)
        facts = CallFacts(row.id, row.direction, row.branch, row.started_at, party, None)
        seen = seen_by(facts, group)
        item = moved.get(row.item_id, row.item_id)
        made += sight_rows(facts, seen, item_id=item, is_open=row.open, handled=row.handled)
        changed.append(
            {
                "b_id": row.id,
                "b_match": best_match(seen),
                "b_code": row.customer_code or attached(group),
                "b_item": item,
            }
        )
        labels |= dict.fromkeys(one.label for one in seen)
        labels[Label("unregistered", row.branch)] = None
    connection.execute(_DELETE_SIGHTS, [{"b_id": row.id} for row, _group in sure])
    connection.execute(sights.insert(), made)
    connection.execute(_MATCHED, changed)
    deal_calls.note_known(connection, [row.id for row, _group in sure])
    claim_rows.explain(
        connection,
        [claim_rows.Began(row["customer_code"], row["call_id"], row["started_at"]) for row in _sure(made)],
        now,
    )
    request_rows.follow(connection, made)
    restand(connection, (row.id for row, _group in sure))
    return Followed(tuple(labels), tuple(row.id for row, _group in sure), tuple(sorted(set(moved.values()))))


def _sure(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["match"] == "exact" and row["customer_code"] is not None]


def move_labels(connection: Connection, code: str, before: Label, after: Label) -> Followed:
    """A customer's branch, rep or class changed: its calls are seen by others from now on."""
    if before == after:
        return Followed()
    connection.execute(
        _RELABEL,
        {
            "b_code": code,
            "b_branch": after.branch,
            "b_rep": after.rep,
            "b_class": after.confidentiality,
            "b_tier": tier("customer", after.confidentiality),
        },
    )
    label: dict[str, Any] = {"branch": after.branch, "rep": after.rep, "confidentiality": after.confidentiality}
    label["tier"] = tier("customer", after.confidentiality)
    claim_rows.move(connection, code, label)
    request_rows.move(connection, code, label)
    phase_sums.move(connection, code, label)
    restand(connection, connection.execute(_CALLS_OF, {"b_code": code}).scalars())
    return Followed((before, after))


def together(parts: Iterable[Followed]) -> Followed:
    """Several changes as one."""
    every = list(parts)
    return Followed(
        tuple(dict.fromkeys(label for part in every for label in part.labels)),
        tuple(dict.fromkeys(call_id for part in every for call_id in part.call_ids)),
        tuple(sorted({item for part in every for item in part.item_ids})),
    )


def _move_items(connection: Connection, opened: list[tuple[Any, list[Candidate]]]) -> dict[int, int]:
    """Gives the open items of the calls to whom they are about now; returns item before -> item after. Where the
    customer has an open item already, the two become one."""
    members: dict[int, list[tuple[Any, list[Candidate]]]] = defaultdict(list)
    for row, group in opened:
        members[row.item_id].append((row, group))
    stored = {row.id: row for row in _ITEMS.rows(connection, members)}
    moved: dict[int, int] = {}
    for item_id, found in sorted(members.items()):
        if item_id not in stored:
            continue
        call, candidates = found[0]
        key = caller_key(candidates, call.party_e164, call.branch, call.id)
        code = attached(candidates)
        missed = any(row.answered is False for row, _candidates in found)
        target = connection.execute(_BY_KEY, {"key": key}).first()
        if target is None or target.id == item_id:
            kind = "handed" if stored[item_id].kind == "handed" else "missed" if missed else "answered"
            connection.execute(_REKEY, {"b_id": item_id, "b_key": key, "b_kind": kind, "b_code": code})
            moved[item_id] = item_id
            continue
        _merge_items(connection, stored[item_id], target, missed)
        moved[item_id] = target.id
    return moved


def _merge_items(connection: Connection, old: Any, target: Any, missed: bool) -> None:
    newer = (
        (old.latest_at, old.latest_call) if old.latest_at > target.latest_at else (target.latest_at, target.latest_call)
    )
    connection.execute(
        update(items)
        .where(items.c.id == target.id)
        .values(
            calls=target.calls + old.calls,
            latest_at=newer[0],
            latest_call=newer[1],
            kind="missed" if missed and target.kind == "answered" else target.kind,
            version=items.c.version + 1,
        )
    )
    for table in (calls, history, mails, dials):
        connection.execute(update(table).where(table.c.item_id == old.id).values(item_id=target.id))
    connection.execute(delete(drafts).where(drafts.c.item_id == old.id))
    connection.execute(delete(items).where(items.c.id == old.id))


_UNMATCHED: Final = Within(
    select(calls.c.id, calls.c.direction, calls.c.branch, calls.c.started_at, calls.c.party_e164, calls.c.party_tail)
    .add_columns(calls.c.item_id, calls.c.open, calls.c.handled, calls.c.answered, calls.c.customer_code)
    .where(or_(calls.c.match == "none", calls.c.match == "probable"), calls.c.direction.is_distinct_from("internal")),
    calls.c.party_e164,
)
_ITEMS: Final = Within(select(items).where(items.c.state != "done"), items.c.id)
_BY_KEY: Final = select(items).where(items.c.key == bindparam("key"), items.c.state != "done")
_REKEY: Final = (
    update(items)
    .where(items.c.id == bindparam("b_id"))
    .values(
        key=bindparam("b_key"),
        kind=bindparam("b_kind"),
        customer_code=func.coalesce(items.c.customer_code, bindparam("b_code")),
        version=items.c.version + 1,
    )
)
_CALLS_OF: Final = select(sights.c.call_id).where(sights.c.customer_code == bindparam("b_code")).distinct()
_DELETE_SIGHTS: Final = delete(sights).where(sights.c.call_id == bindparam("b_id"))
_MATCHED: Final = (
    update(calls)
    .where(calls.c.id == bindparam("b_id"))
    .values(
        match=bindparam("b_match"),
        customer_code=bindparam("b_code"),
        item_id=bindparam("b_item"),
        version=calls.c.version + 1,
    )
)
_RELABEL: Final = (
    update(sights)
    .where(sights.c.customer_code == bindparam("b_code"))
    .values(
        branch=bindparam("b_branch"),
        rep=bindparam("b_rep"),
        confidentiality=bindparam("b_class"),
        tier=bindparam("b_tier"),
    )
)
