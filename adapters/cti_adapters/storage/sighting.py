"""Who the calls are from, in the database: numbers looked up by exact key, and the sights that come of it.

The same for new calls (call_writer) and for past ones when a customer is registered or changes (directory). System
work: Core, past the gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, func, select

from cti_adapters.storage.core import Within
from cti_adapters.storage.gate import tier
from cti_adapters.storage.schema import customer_numbers, customers, history, sights
from cti_server.calls.matching import Candidate, Known, candidates
from cti_server.calls.views import Match
from cti_server.shared.scope import Kind, Label


class Party(NamedTuple):
    """The outside party of a call: ``number`` E.164 or as reported, ``tail`` its last digits where it has enough."""

    number: str | None
    tail: str | None


class CallFacts(NamedTuple):
    """What the sights of a call are made of."""

    id: str
    direction: str | None
    branch: str
    started_at: float
    party: Party
    dialler: str | None
    """The user who placed an internal call."""


class Seen(NamedTuple):
    """One sight: a label, the customer (null for none) and how sure it is."""

    label: Label
    code: str | None
    match: Match


def look_up(connection: Connection, parties: Iterable[Party]) -> dict[Party, list[Candidate]]:
    """The candidates of each party, ranked. Exact keys only: costs the same in a directory of any size."""
    wanted = {party for party in parties if party.number is not None}
    exact = _known(connection, _BY_NUMBER, {party.number for party in wanted if party.number})
    unknown = {party.tail for party in wanted if party.tail and party.number not in exact}
    probable = _known(connection, _BY_TAIL, unknown)
    several = {known.code for group in [*exact.values(), *probable.values()] if len(group) > 1 for known in group}
    contacts = latest_contacts(connection, several)

    def dated(group: Sequence[Known]) -> list[Known]:
        return [Known(known.code, known.label, contacts.get(known.code)) for known in group]

    return {
        party: candidates(dated(exact.get(party.number or "", ())), dated(probable.get(party.tail or "", ())))
        for party in wanted
    }


def _known(connection: Connection, query: Within, values: Iterable[str]) -> dict[str, list[Known]]:
    found: dict[str, dict[str, Known]] = defaultdict(dict)
    for value, code, branch, rep, confidentiality in query.rows(connection, values):
        found[value][code] = Known(code, Label("customer", branch, rep, confidentiality))
    return {value: list(group.values()) for value, group in found.items()}


def _known_by(key: Column[str]) -> Within:
    query = select(key, customers.c.code, customers.c.branch, customers.c.rep, customers.c.confidentiality).join_from(
        customer_numbers, customers, customers.c.code == customer_numbers.c.customer_code
    )
    return Within(query, key)


_BY_NUMBER: Final = _known_by(customer_numbers.c.e164)
_BY_TAIL: Final = _known_by(customer_numbers.c.tail)
_LATEST_CONTACTS: Final = Within(
    select(history.c.customer_code, func.max(history.c.at))
    .where(history.c.undone.is_(False))
    .group_by(history.c.customer_code),
    history.c.customer_code,
)
_STORED: Final = Within(
    select(sights.c.call_id, sights.c.kind, sights.c.branch, sights.c.rep, sights.c.confidentiality)
    .add_columns(sights.c.customer_code, sights.c.match)
    .order_by(sights.c.call_id, sights.c.rank),
    sights.c.call_id,
)


def latest_contacts(connection: Connection, codes: Iterable[str]) -> dict[str, float]:
    """When each customer was last contacted (epoch seconds, UTC)."""
    return {row[0]: row[1] for row in _LATEST_CONTACTS.rows(connection, codes)}


def seen_by(call: CallFacts, found: Sequence[Candidate]) -> list[Seen]:
    """The sights of a call, in the order of the candidates.

    A probable match is a guess: its customers' reps see the call as perhaps theirs, and whoever deals with
    unregistered callers sees it as what it is so far.
    """
    if call.direction == "internal":
        return [Seen(Label("internal", call.branch, call.dialler), None, "internal")]
    made = [Seen(one.known.label, one.code, one.quality) for one in found]
    if not made or made[0].match == "probable":
        nobody: Match = "withheld" if call.party.number is None else "none"
        made.append(Seen(Label("unregistered", call.branch), None, nobody))
    return made


def best_match(seen: Sequence[Seen]) -> Match:
    """How sure it is who the caller is: that of the first candidate."""
    return seen[0].match


def sight_rows(
    call: CallFacts, seen: Sequence[Seen], *, item_id: int | None, is_open: bool, handled: bool
) -> list[dict[str, Any]]:
    """The rows of ``sights`` of a call."""
    return [
        {
            "call_id": call.id,
            "item_id": item_id,
            "kind": one.label.kind,
            "tier": tier(one.label.kind, one.label.confidentiality),
            "customer_code": one.code,
            "branch": one.label.branch,
            "rep": one.label.rep,
            "confidentiality": one.label.confidentiality,
            "match": one.match,
            "rank": place,
            "started_at": call.started_at,
            "direction": call.direction,
            "open": is_open,
            "handled": handled,
        }
        for place, one in enumerate(seen)
    ]


def stored_sights(connection: Connection, call_ids: Iterable[str]) -> dict[str, list[Seen]]:
    """The sights that calls have now, in order."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for call_id, kind, branch, rep, confidentiality, code, match in _STORED.rows(connection, call_ids):
        found[call_id].append(Seen(Label(_KINDS[kind], branch, rep, confidentiality), code, match))
    return dict(found)


_KINDS: dict[str, Kind] = {"customer": "customer", "unregistered": "unregistered", "internal": "internal"}


def as_candidates(seen: Sequence[Seen]) -> list[Candidate]:
    """The customers among sights."""
    return [
        Candidate(Known(one.code, one.label), "exact" if one.match == "exact" else "probable")
        for one in seen
        if one.code is not None
    ]
