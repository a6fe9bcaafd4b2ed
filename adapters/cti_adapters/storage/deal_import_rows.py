"""Deals from a file in the database (``cti_server.phases.deal_lots.DealImportShelf``): a lot costs about as many
statements as one deal does."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from cti_adapters.storage import phase_sums
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Customer, Outbox
from cti_adapters.storage.mapping_phases import DealRow, StepRow
from cti_adapters.storage.phase_deals import kept_of, whose
from cti_adapters.storage.phase_set_up import PhaseSetUp
from cti_adapters.storage.phase_work import value_row
from cti_adapters.storage.schema_phases import imported_deals, services
from cti_server.phases.cltv import Past
from cti_server.phases.deal_file import DealRow as FileRow
from cti_server.phases.deal_lots import Bringing, Known
from cti_server.phases.model import Service
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label


class DealImportRows:
    """Lots of deals."""

    def __init__(self, session: GatedSession, firm: FirmRepository, set_up: PhaseSetUp) -> None:
        self._session = session
        self._firm = firm
        self._set_up = set_up

    def known(self, service: int, rows: Sequence[FileRow]) -> Known:
        """What these rows speak of."""
        zones = {code: branch.timezone for code, branch in self._firm.branches().items()}
        people = select(Customer).where(Customer.code.in_({row.customer for row in rows}))
        c = imported_deals.c
        there = select(c.number, c.customer_code).where(
            c.service_id == service, c.number.in_([row.number for row in rows])
        )
        holding = {row.path[-1].member for row in rows if row.state == "open"}
        return Known(
            {
                one.code: (
                    Label("customer", one.branch, one.rep, one.confidentiality),
                    zones.get(one.branch, "UTC"),
                )
                for one in self._session.scalars(people)
            },
            frozenset((row[0], row[1]) for row in system(self._session, writes=False).execute(there)),
            frozenset(self._firm.colleagues({came.member for row in rows for came in row.path})),
            self._set_up.members_of(holding),
        )

    def add(self, service: Service, deals: Sequence[Bringing], past: Past, by: str, at: float) -> None:
        """Adds deals with all that belongs to them."""
        rows = [_row(one) for one in deals]
        self._session.add_all(rows)
        self._session.flush()
        connection = system(self._session)
        numbers = [
            {
                "service_id": service.id,
                "number": one.number,
                "customer_code": one.deal.customer,
                "deal_id": row.id,
            }
            for one, row in zip(deals, rows, strict=True)
        ]
        connection.execute(imported_deals.insert(), numbers)
        phase_sums.changes(connection, [(phase_sums.counted_row(row, row.steps), 1) for row in rows])
        kept = {name: getattr(past, name) for name in Past.__slots__}
        connection.execute(update(services).where(services.c.id == service.id).values(past=kept))
        for one, row in zip(deals, rows, strict=True):
            about = {"subject_kind": "customer", "subject_id": row.customer_code, "customer_code": row.customer_code}
            detail = {"deal": row.id, "number": one.number}
            self._session.add(Audit(at=at, user=by, act="deal imported", detail=detail, **about))
            if one.worth is not None:
                self._session.add(value_row(row.id, one.worth))
        open_ones = [row for row in rows if row.state == "open"]
        if open_ones:
            users = tuple({row.member for row in open_ones if row.member})
            notice = WorkChanged(tuple({row.label for row in open_ones}), users=users)
            self._session.add(Outbox(kind="work", body=work_body(notice), at=at))


def _row(one: Bringing) -> DealRow:
    deal = one.deal
    return DealRow(
        service_id=deal.service,
        **whose(deal.customer, one.label),
        opened_at=deal.opened_at,
        steps=[
            StepRow(place=place, phase_id=step.phase, member=step.member, at=step.at)
            for place, step in enumerate(deal.steps)
        ],
        **kept_of(deal),
    )
