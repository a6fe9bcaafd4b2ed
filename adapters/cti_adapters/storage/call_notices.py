"""What the screens are told of calls: each candidate with its own label and card, so that the hub can give everybody
only what their scope admits (spec C4, C5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select

from cti_adapters.storage.core import Within
from cti_adapters.storage.schema import branches, customers, history, sights, users
from cti_adapters.storage.sighting import Seen
from cti_server.calls.log import CallLog
from cti_server.shared.notices import CallChanged, Candidate

CARD_CONTACTS: Final = 3
CARDS_HELD: Final = 4096


class Cards:
    """The cards of customers on the screens of live calls. Held while a call lasts, so that it shows the same card from
    ringing to its end without asking the database at every step."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def fill(self, connection: Connection, calls: Mapping[str, list[Seen]]) -> dict[str, tuple[Candidate, ...]]:
        """The candidates of each call with their cards."""
        wanted = {
            seen.code
            for call_id, group in calls.items()
            for seen in group
            if seen.code and (call_id, seen.code) not in self._held
        }
        made = _cards(connection, wanted)
        found: dict[str, tuple[Candidate, ...]] = {}
        for call_id, group in calls.items():
            for seen in group:
                if seen.code in made and (call_id, seen.code) not in self._held:
                    self._held[call_id, seen.code] = made[seen.code] | {"match": seen.match}
            found[call_id] = tuple(
                Candidate(seen.label, self._held.get((call_id, seen.code), {}) if seen.code else {}) for seen in group
            )
        while len(self._held) > CARDS_HELD:
            self._held.popitem(last=False)
        return found

    def drop(self, call_id: str, group: Iterable[Seen]) -> None:
        """The call is over."""
        for seen in group:
            if seen.code is not None:
                self._held.pop((call_id, seen.code), None)


def _cards(connection: Connection, codes: Iterable[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    codes = list(codes)
    for code, name, kana, confidentiality, branch, rep, branch_name, rep_name in _CUSTOMERS.rows(connection, codes):
        found[code] = {
            "code": code,
            "name": name,
            "kana": kana,
            "class": confidentiality,
            "branch": branch,
            "branch_name": branch_name or branch,
            "rep": rep,
            "rep_name": rep_name or rep or "",
            "contacts": _contacts(connection, code),
            "open_calls": 0,
        }
    for code, count in _OPEN_CALLS.rows(connection, found):
        found[code]["open_calls"] = count
    return found


def _contacts(connection: Connection, code: str) -> list[dict[str, Any]]:
    """The last contacts with a customer, the latest first."""
    return [
        {"at": at, "kind": kind, "channel": channel, "result": result, "by_name": by_name or ""}
        for at, kind, channel, result, by_name in connection.execute(_CONTACTS, {"code": code})
    ]


_CUSTOMERS: Final = Within(
    select(customers.c.code, customers.c.name, customers.c.kana, customers.c.confidentiality, customers.c.branch)
    .add_columns(customers.c.rep, branches.c.name, users.c.name)
    .outerjoin_from(customers, branches, branches.c.code == customers.c.branch)
    .outerjoin(users, users.c.id == customers.c.rep),
    customers.c.code,
)
_OPEN_CALLS: Final = Within(
    select(sights.c.customer_code, func.count()).where(sights.c.open.is_(True)).group_by(sights.c.customer_code),
    sights.c.customer_code,
)
_CONTACTS: Final = (
    select(history.c.at, history.c.kind, history.c.channel, history.c.result, users.c.name)
    .outerjoin_from(history, users, users.c.id == history.c.by)
    .where(history.c.customer_code == bindparam("code"), history.c.undone.is_(False))
    .order_by(history.c.at.desc())
    .limit(CARD_CONTACTS)
)


def call_changed(
    log: CallLog, number: str | None, candidates: tuple[Candidate, ...], user_of: Mapping[str, str]
) -> CallChanged:
    """The notice of a call as it stands now."""
    call = {
        "state": log.state,
        "direction": log.direction,
        "started_at": log.started_at,
        "ringing_at": log.ringing_at,
        "answered_at": log.answered_at,
        "ended_at": log.ended_at,
        "disposition": log.disposition,
        "ringing": list(log.ringing_extensions),
        "talking": log.talking_extension,
        "queue": log.queue,
        "branch": log.branch,
        "exchange": log.exchange,
    }
    rings = tuple((one, user_of[one]) for one in log.ringing_extensions if one in user_of)
    return CallChanged(
        call_id=log.id,
        call=call,
        candidates=candidates,
        number=number,
        name=log.caller_name if log.direction == "in" else None,
        ringing=tuple(dict.fromkeys(user for _extension, user in rings)),
        receiver=user_of.get(log.talking_extension or ""),
        telephones=rings,
    )
