"""The sums over the table of paths, as they are written: one deal's change touches a handful of rows, however many
deals there are. System work in the transaction that changes the deal: sums are over everybody's deals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from cti_adapters.storage.core import upserting
from cti_adapters.storage.gate import tier
from cti_adapters.storage.schema_phases import deal_steps, deals, phase_tallies
from cti_server.phases.choosing import Question
from cti_server.phases.model import Service
from cti_server.phases.paths import ALL, Among, Path, lots, same_earlier, same_source
from cti_server.phases.tallies import Book, Tally, counted
from cti_server.phases.velocity import Pace


class Counted(NamedTuple):
    """A deal as it stands in the sums."""

    path: Path
    phases: tuple[int, ...]
    """The phases of its members, in their order."""
    took: tuple[int | None, ...]
    """Seconds from when it came to each to when it got through; null where that is not known."""
    branch: str
    tier: int


class _Cell(NamedTuple):
    phase_id: int
    kind: str
    name: str
    earlier: int
    member: str
    branch: str
    tier: int


def counted_row(row: Any, steps: Iterable[Any]) -> Counted:
    """A deal's row and its steps, as they stand in the sums. Phases that nobody handled don't count."""
    way = sorted(steps, key=lambda one: one.place)
    members = tuple(step.member or "" for step in way)
    inside = 0 if row.through else 1
    path = Path(
        source=row.source,
        members=members,
        passed=len(members) - inside,
        over=row.state in ("lost", "cancelled") and not row.through,
        worth=row.worth,
    )
    ends = [step.at for step in way[1:]] + [row.closed_at if row.state == "won" else None]
    took = tuple(None if end is None else round(end - step.at) for step, end in zip(way, ends, strict=True))
    order = tuple(step.phase_id for step in way)
    return Counted(path, order, took, row.branch, tier("customer", row.confidentiality))


def change(connection: Connection, before: Counted | None, now: Counted | None) -> None:
    """A deal stands otherwise in the sums from now on; null: not at all."""
    changes(connection, [(one, sign) for one, sign in ((before, -1), (now, 1)) if one is not None])


def changes(connection: Connection, signed: Iterable[tuple[Counted, int]]) -> None:
    """Deals come to the sums (1), or leave them (-1)."""
    cells: dict[_Cell, list[int]] = defaultdict(lambda: [0] * len(_AMOUNTS))
    for one, sign in signed:
        for cell, amounts in _cells(one):
            for place, amount in enumerate(amounts):
                cells[cell][place] += sign * amount
    rows = [
        cell._asdict() | dict(zip(_AMOUNTS, amounts, strict=True)) for cell, amounts in cells.items() if any(amounts)
    ]
    if not rows:
        return
    _PUT.run(connection, [{**row, **dict.fromkeys(_AMOUNTS, 0)} for row in rows])
    connection.execute(_ADD, [{f"b_{name}": value for name, value in row.items()} for row in rows])


def _cells(one: Counted) -> Iterable[tuple[_Cell, tuple[int, ...]]]:
    for place, member in enumerate(one.path.members):
        if not member:
            continue
        more = counted(one.path, place)
        took = one.took[place]
        amounts = (
            1,
            int(more.decided),
            int(more.handed_on),
            int(more.settled),
            more.total,
            took is not None,
            took or 0,
        )
        for among in lots(one.path, place):
            if among.kind == "earlier" and not among.name:
                continue
            earlier = one.phases[among.phase] if among.kind == "earlier" else 0
            yield _Cell(one.phases[place], among.kind, among.name, earlier, member, one.branch, one.tier), amounts


def move(connection: Connection, code: str, label: dict[str, Any]) -> None:
    """A customer's branch, rep or class changed: its deals, and the sums that they stand in, follow."""
    for row in connection.execute(select(deals).where(deals.c.customer_code == code)).all():
        steps = connection.execute(select(deal_steps).where(deal_steps.c.deal_id == row.id)).all()
        before = counted_row(row, steps)
        change(connection, before, before._replace(branch=label["branch"], tier=label["tier"]))
    connection.execute(update(deals).where(deals.c.customer_code == code).values(label))


def pace(connection: Connection, phase_id: int) -> Pace:
    """How long deals took for a phase."""
    c = phase_tallies.c
    query = select(func.sum(c.timed), func.sum(c.took)).where(c.phase_id == phase_id, c.kind == "all")
    deals_, took = connection.execute(query).one()
    return Pace(deals_ or 0, took or 0)


def book(connection: Connection, service: Service, question: Question) -> Book:
    """What rules ask of the members of a phase, for one customer."""
    phase = service.phases[question.phase].id
    asked: list[Among] = [ALL, same_source(question.source)]
    asked += [same_earlier(place, member) for place, member in enumerate(question.members) if member]
    found = Book()
    for among in asked:
        earlier = service.phases[among.phase].id if among.kind == "earlier" else 0
        parameters = {"b_phase_id": phase, "b_kind": among.kind, "b_name": among.name, "b_earlier": earlier}
        for row in connection.execute(_STANDING, parameters):
            found.load(question.phase, among, row.member, Tally(row.decided, row.handed_on, row.settled, row.total))
    return found


_AMOUNTS: Final = ("came", "decided", "handed_on", "settled", "total", "timed", "took")
_KEYS: Final = _Cell._fields
_PUT: Final = upserting(phase_tallies, [*_KEYS, *_AMOUNTS], ignore=True)
_ADD: Final = (
    update(phase_tallies)
    .where(*(phase_tallies.c[name] == bindparam(f"b_{name}") for name in _KEYS))
    .values({name: phase_tallies.c[name] + bindparam(f"b_{name}") for name in _AMOUNTS})
)
_STANDING: Final = select(
    phase_tallies.c.member,
    phase_tallies.c.decided,
    phase_tallies.c.handed_on,
    phase_tallies.c.settled,
    phase_tallies.c.total,
).where(*(phase_tallies.c[name] == bindparam(f"b_{name}") for name in ("phase_id", "kind", "name", "earlier")))
