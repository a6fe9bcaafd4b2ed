"""What the daemon does about each kind of outbox row: one table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.threads import deferToThreadPool

from cti_adapters.exchanges.dialling import DialState
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.live.hub import Hub
from cti_adapters.live.outbox import Effect, Handler
from cti_adapters.storage.accounts import RIGHTS_ROW
from cti_adapters.storage.desk_dials import STILL_WANTED, asked_dial, record_dial_outcome
from cti_adapters.storage.desk_notices import work_notice
from cti_adapters.storage.handover import HANDOVER_ROW, move_customers
from cti_adapters.storage.outbox import OutboxRow, put
from cti_adapters.storage.phase_deals import REVALUE_ROW
from cti_adapters.storage.telephones import SEAT_ROW, TEST_ROW
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.calls.ports import DialEntry
from cti_server.phases.desk_revaluing import Revaluing
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, Unavailable
from cti_server.shared.notices import PopUpTested, SeatChanged, SessionEnded
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Viewer

log = logging.getLogger(__name__)

TEST_STILL_WANTED = 30.0
"""Seconds after which nobody waits any more for the pop-up that was to be tried."""


def handlers(
    hub: Hub,
    supervision: Supervision,
    database: Database,
    clock: Clock,
    reactor: Any,
    wake_mail: Callable[[], object],
    look_again: Callable[[Sequence[str]], None],
) -> Mapping[str, Handler]:
    """Row kind -> what is done. The effects run on the reactor, after the commit. ``look_again`` looks what the open
    screens of some users may show."""
    dials = Dials(hub, supervision, database, clock, reactor)

    def work(_: UnitOfWork, row: OutboxRow) -> Effect:
        notice = work_notice(row.body)
        return lambda: hub.publish(notice)

    def session_ended(_: UnitOfWork, row: OutboxRow) -> Effect:
        notice = SessionEnded(row.body["session"])
        return lambda: hub.publish(notice)

    def rights(_: UnitOfWork, row: OutboxRow) -> Effect:
        users = list(row.body["users"])
        return lambda: look_again(users)

    def revalue(unit: UnitOfWork, row: OutboxRow) -> Effect | None:
        body = row.body
        itself = Viewer(body["by"], "", "", "", "", "", EVERYTHING, frozenset())  # who changed the terms, wherever now
        last = Revaluing(unit, itself, clock).revalue(body["service"], body["after"])
        if last is not None:
            put(unit, REVALUE_ROW, {**body, "after": last}, row.at)
        return None

    def hand_over(unit: UnitOfWork, row: OutboxRow) -> Effect | None:
        body = row.body
        if move_customers(unit, body["from"], body["to"], body["by"], clock.now()):
            put(unit, HANDOVER_ROW, body, row.at)
        return None

    def mail(_: UnitOfWork, row: OutboxRow) -> Effect:
        return wake_mail

    def seat(unit: UnitOfWork, row: OutboxRow) -> Effect:
        body = row.body
        who = unit.telephones.person(body["by"]) if body["by"] else None
        users = tuple(body["users"])
        by = who.name if who is not None else ""
        notice = SeatChanged(body["exchange"], body["extension"], body["holder"], users, body["why"], by)
        return lambda: hub.publish(notice)

    def pop_up_test(_: UnitOfWork, row: OutboxRow) -> Effect | None:
        if clock.now() - row.at > TEST_STILL_WANTED:
            return None
        notice = PopUpTested(row.body["user"], row.body["number"], row.at)
        return lambda: hub.publish(notice)

    return {
        "work": work,
        "session_ended": session_ended,
        RIGHTS_ROW: rights,
        REVALUE_ROW: revalue,
        HANDOVER_ROW: hand_over,
        "mail": mail,
        "dial": dials.asked,
        SEAT_ROW: seat,
        TEST_ROW: pop_up_test,
    }


class Dials:
    """Places the calls back that the desk asked for, and writes down how they go."""

    def __init__(self, hub: Hub, supervision: Supervision, database: Database, clock: Clock, reactor: Any) -> None:
        self._hub = hub
        self._supervision = supervision
        self._database = database
        self._clock = clock
        self._reactor = reactor

    def asked(self, work: UnitOfWork, row: OutboxRow) -> Effect | None:
        """The row of a call back; what can't be placed any more is written down as failed."""
        dial_id = int(row.body["dial"])
        entry = asked_dial(work.session, dial_id)
        if entry is None:
            return None
        if self._clock.now() - entry.at > STILL_WANTED:
            return lambda: self._went(dial_id, DialState("failed", "too-late"))
        return lambda: self._place(dial_id, entry)

    def _place(self, dial_id: int, entry: DialEntry) -> None:
        try:
            dialler = self._supervision.dialler(entry.exchange)
            dialler.dial(entry.extension, entry.number, lambda state: self._went(dial_id, state))
        except Unavailable:
            self._went(dial_id, DialState("failed", "no-link"))
        except Invalid as problem:
            self._went(dial_id, DialState("failed", problem.code or "refused"))

    def _went(self, dial_id: int, state: DialState) -> None:
        pool = self._reactor.getThreadPool()
        written = deferToThreadPool(self._reactor, pool, self._write, dial_id, state)
        written.addCallback(lambda notice: self._hub.publish(notice) if notice is not None else None)
        written.addErrback(
            lambda failure: log.error("call back %d: its state was not written: %s", dial_id, failure.value)
        )

    def _write(self, dial_id: int, state: DialState) -> Any:
        with self._database.open(EVERYTHING, write=True) as work:
            return record_dial_outcome(
                work.session, dial_id, state.state, self._clock.now(), reason=state.reason, made_call=state.call_id
            )
