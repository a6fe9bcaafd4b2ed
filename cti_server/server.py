"""The daemon, put together: who is told what, in one place. Needs Twisted's reactor to be installed (``main``)."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import defer, reactor, task
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from cti_adapters.certificate import Renewing
from cti_adapters.exchanges.feed import Surroundings
from cti_adapters.exchanges.status import ExchangeState, Link
from cti_adapters.exchanges.steady_time import steady
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.exchanges.writer import Writer
from cti_adapters.live.hub import Hub
from cti_adapters.live.outbox import Outbox
from cti_adapters.mail import Mailer
from cti_adapters.mailbox import Mailbox
from cti_adapters.sealing import proof_key
from cti_adapters.secret_folder import SecretFolder
from cti_adapters.storage import retention
from cti_adapters.storage.accounts import accounts, put_default_roles
from cti_adapters.storage.audit_seals import seal
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.deliveries import put_deliveries
from cti_adapters.storage.desk_dials import give_up_dials
from cti_adapters.storage.desk_firm import put_templates
from cti_adapters.storage.exchange_shelf import merged_exchanges, named_secrets, put_base
from cti_adapters.storage.firm import (
    ExchangeEntry,
    drop_exchanges_but,
    listed_exchanges,
    put_branches,
    put_exchanges,
)
from cti_adapters.storage.play_shelf import PLAY_ROW
from cti_adapters.storage.refold_shelf import REFOLD_ROW
from cti_adapters.storage.stand_ins import turning
from cti_adapters.storage.work import Database, writing
from cti_adapters.timetable import Appointment, Round, Timetable
from cti_adapters.usage_pull import UsagePull
from cti_adapters.usage_server import UsageServer
from cti_server.compliance.erasing import proof
from cti_server.exchange_handlers import exchange_handlers
from cti_server.exchange_states import ExchangeStates
from cti_server.identity import seating
from cti_server.identity.sessions import SessionPolicy
from cti_server.outbox_handlers import handlers
from cti_server.phases.looking import look
from cti_server.play_handlers import Plays
from cti_server.refold_handlers import Refolds
from cti_server.review.policy import policy_of
from cti_server.settings import ExchangeSettings, ReportSettings, Settings, config_folder
from cti_server.shared import phone
from cti_server.shared.clock import SystemClock
from cti_server.shared.deliveries import Delivery
from cti_server.shared.errors import SettingsError
from cti_server.shared.notices import GONE, ExchangeChanged, Notice
from cti_server.shared.people import Branch
from cti_server.shared.scope import EVERYTHING
from cti_web.push import LiveResource
from cti_web.report_mail import queue_report
from cti_web.request_mail import remind
from cti_web.site import Health, PublicSite
from cti_web.watching import Watch

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 1.0
STATUS_SECONDS = 5.0
"""How often the exchanges' counters are written for the pages; a change of state is written at once."""
SEAT_SECONDS = 5.0
"""How often it is looked whose hour at a telephone has come."""
TURN_SECONDS = 90.0
"""A round a minute, and some slack."""
LEARN_AT = "01:30"
"""When it is looked for proposals from the best members' work, in the zone of the audit trail's seal."""
USAGE_MINUTES = 15
"""So often it is looked whose hour has come to be asked for customers' use."""
READY_POLL_SECONDS = 0.05


class Server:
    """All parts of the daemon. ``run`` returns when it has ended."""

    def __init__(
        self, settings: Settings, *, mailbox: Path | None = None, on_ready: Callable[[], None] | None = None
    ) -> None:
        self.reactor: Any = reactor
        steady(self.reactor)
        self._file = self._settings = settings  # what the file says; and with what pages saved about exchanges
        self._on_ready = on_ready
        clock = SystemClock()
        self._secrets = SecretFolder(settings.data_dir)
        self._database = Database(settings.database_url, policy=policy_of(settings.review))
        self._lanes = self._database.for_lanes()
        self._prepare_database()
        policy = SessionPolicy(settings.sessions.idle_minutes * 60.0, settings.sessions.longest_hours * 3600.0)
        self._people = accounts(self._database, clock, policy)
        self.hub = Hub(
            clock,
            show=lambda number, masked: phone.show(number, masked=masked),
            cap=settings.live.stream_kib * 1024,
            streams_per_user=settings.live.streams_per_user,
        )
        self._writer = Writer(lambda notices: self.reactor.callFromThread(self._told, notices))
        around = Surroundings(
            settings.data_dir,
            settings.journal,
            CallWriter(self._lanes, clock),
            self._writer,
            self.reactor,
            clock,
        )
        self._supervision = Supervision(self._settings.exchanges, around, self._exchange_changed)
        self._now: dict[str, ExchangeState] = {}
        self._states = ExchangeStates(self._states_before, clock, self.hub.stats)
        self._taking_over = defer.DeferredLock()
        self._mailbox = None if mailbox is None else Mailbox(self.reactor, mailbox, clock)
        mail = settings.mail
        if self._mailbox is not None:
            here = {"host": "127.0.0.1", "port": self._mailbox.listen(), "security": "none", "username": ""}
            mail = mail.model_copy(update=here)
        self._mailer = Mailer(self.reactor, self._database, clock, mail, self.hub.publish)
        self._refolds = Refolds(
            lambda: self._settings, self._supervision, self._database, clock, self.reactor, self.hub
        )
        self._outbox = Outbox(
            self.reactor,
            self._database,
            clock,
            {
                **handlers(
                    self.hub,
                    self._supervision,
                    self._database,
                    clock,
                    self.reactor,
                    self._mailer.wake,
                    lambda users: self._live.look_again(users),
                ),
                **exchange_handlers(
                    self.take_over_exchanges,
                    self._supervision.running,
                    self._database,
                    clock,
                    self.reactor,
                    self._secrets,
                ),
                REFOLD_ROW: self._refolds.asked,
                PLAY_ROW: Plays(self._supervision, self.hub.publish, clock).asked,
            },
        )
        self._watch = Watch(self.reactor, settings, self._outbox, mailbox=mailbox)
        self._live = LiveResource(self.hub, self._people, self.reactor)
        self._status_loop = task.LoopingCall(self._write_states)
        self._checkpoints = task.LoopingCall(self._checkpoint)
        self._hours = task.LoopingCall(self._end_seats)
        self._timetable = Timetable(self._appointments())
        self._port: Any = None
        self._status = 0
        self._database_problem: str | None = None
        self._ready = False

    # --- starting

    def run(self) -> int:
        """Starts everything, runs until told to end, ends everything. 0: ended as told."""
        self._listen()
        self.reactor.callWhenRunning(self._start)
        self.reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self.reactor.run()
        self._writer.stop()
        self._lanes.dispose()
        self._database.close()
        return self._status

    def _prepare_database(self) -> None:
        self._database.upgrade()
        with self._database.engine.connect() as connection:
            self._states_before = listed_exchanges(connection)
        self._put_firm()
        with self._database.open(EVERYTHING, write=True) as work:
            put_default_roles(work)
            put_templates(work.session, config_folder() / "templates.toml")
            work.refoldings.give_up()
            give_up_dials(work.session, SystemClock().now())

    def _listen(self) -> None:
        server = self._settings.server
        health = Health()
        health.add("exchanges", self._feeds_check)
        health.add("database", lambda: self._database_problem)
        health.add("journal", self._journal_check)
        health.add("dashboard", self._watch.check)
        self._health = health
        https = server.tls_certificate is not None
        secure = https or server.public_url.startswith("https://")
        site = PublicSite(self.reactor, self._live, health, self._watch.socket, https=secure)
        try:
            if https:
                self._port = self.reactor.listenSSL(
                    server.port, site, _certificate(self._settings), interface=server.host, backlog=1024
                )
            else:
                self._port = self.reactor.listenTCP(server.port, site, interface=server.host, backlog=1024)
        except CannotListenError as bad:
            reason = getattr(bad.socketError, "strerror", None) or bad.socketError
            raise SettingsError(
                f"port {server.port} of {server.host} can't be listened on ({reason}); set another under [server]"
            ) from bad

    def _feeds_check(self) -> str | None:
        return None if self._supervision.ready() else "the exchanges are being connected"

    def _journal_check(self) -> str | None:
        unkept = [state.exchange for state in self._supervision.states() if state.state in (Link.PAUSED, Link.FAILED)]
        return f"what these exchanges say can't be kept: {', '.join(unkept)}" if unkept else None

    def _start(self) -> None:
        self._writer.start()
        self._live.start()
        self._supervision.start()
        self._watch.start()
        self._mailer.start()
        self._outbox.start()
        for loop, seconds in (
            (self._status_loop, STATUS_SECONDS),
            (self._checkpoints, CHECKPOINT_SECONDS),
            (self._hours, SEAT_SECONDS),
        ):
            loop.clock = self.reactor
            loop.start(seconds, now=False)
        self._timetable.start()
        self._until_ready()

    def _until_ready(self) -> None:
        if self._health.up:
            self._ready = True
            keep_out_of_collections()
            if self._on_ready is not None:
                self._on_ready()
        else:
            self.reactor.callLater(READY_POLL_SECONDS, self._until_ready)

    @defer.inlineCallbacks
    def _stop(self) -> Any:
        """The other way round: no new requests, no screens, no pages, then the feeds."""
        if self._port is not None:
            yield self._port.stopListening()
        for loop in (self._status_loop, self._checkpoints, self._hours):
            if loop.running:
                loop.stop()
        self._live.stop()
        self._refolds.stop()
        yield self._watch.stop()
        yield self._outbox.stop()
        yield self._mailer.stop()
        if self._mailbox is not None:
            yield self._mailbox.stop()
        yield self._supervision.stop()
        yield self._in_thread(self._timetable.stop)

    def apply(self, settings: Settings) -> None:
        """Takes a changed settings file over: the exchanges and branches now, without touching a feed that did not
        change; everything else at the next start, which is said."""
        rest = settings.model_copy(update={"exchanges": self._file.exchanges, "branches": self._file.branches})
        if rest != self._file:
            log.warning("settings other than exchanges and branches changed; they are taken over at the next start")
        self._file = self._file.model_copy(update={"exchanges": settings.exchanges, "branches": settings.branches})
        self.take_over_exchanges()

    def take_over_exchanges(self) -> defer.Deferred[Any]:
        """Has the exchanges run as file and pages say now. One after the other: a feed that is being ended still has
        its journal."""

        def take_over() -> defer.Deferred[Any]:
            before = self._settings.exchanges
            prepared = self._in_thread(self._put_firm)
            prepared.addCallback(lambda _: self._supervision.apply(self._settings.exchanges))
            prepared.addCallback(lambda _: self._write_states())
            return prepared.addCallback(lambda _: self._tell_who_is_gone(before))

        return self._taking_over.run(take_over).addErrback(_not_taken_over)

    def _tell_who_is_gone(self, before: Sequence[ExchangeSettings]) -> None:
        known = {one.id for one in self._settings.exchanges}
        for one in before:
            if one.id not in known:
                self.hub.publish(ExchangeChanged(one.id, one.branch, GONE))

    def _put_firm(self) -> None:
        """Writes down what the file says, and reads what holds."""
        with writing(self._database.engine).begin() as connection:
            put_branches(connection, [Branch(one.code, one.name, one.timezone) for one in self._file.branches])
            put_base(connection, self._file.exchanges)
            found = merged_exchanges(connection, self._file)
            drop_exchanges_but(connection, [*(one.id for one in found.exchanges), *(one.id for one in found.problems)])
            self._secrets.tidy(named_secrets(connection), SystemClock().now())
        for problem in found.problems:
            log.error("exchange %s can't be used as it is saved: %s", problem.id, problem.sentence)
        self._problems = found.problems
        self._settings = self._file.model_copy(update={"exchanges": found.exchanges})

    # --- what happens

    def _told(self, notices: Sequence[Notice]) -> None:
        """Notices of a committed batch."""
        for notice in notices:
            self.hub.publish(notice)
            self._supervision.noticed(notice)

    def _exchange_changed(self, state: ExchangeState) -> None:
        self._now[state.exchange] = state
        written = self._write_states()
        written.addCallback(lambda _: self._tell(state.exchange))

    def _tell(self, exchange: str) -> None:
        """Tells how an exchange is by now: two states in quick succession may be written in either order."""
        state = self._now[exchange]
        if any(one.id == state.exchange for one in self._settings.exchanges):  # else it is about to be gone
            self.hub.publish(ExchangeChanged(state.exchange, state.branch, state.state.value))

    def _end_seats(self) -> defer.Deferred[Any]:
        """Whoever took a telephone until now is told that it is theirs no more. (Calls go by the hour itself.)"""
        ended = self._in_thread(self._hours_come)
        ended.addCallback(lambda any_ended: self._outbox.wake() if any_ended else None)
        return ended.addErrback(
            lambda failure: log.warning("the end of a telephone's hour was not written: %s", failure.type)
        )

    def _hours_come(self) -> bool:
        with self._database.open(EVERYTHING) as work:
            return seating.hours_come(work.telephones, SystemClock().now())

    def _checkpoint(self) -> defer.Deferred[Any]:
        return self._in_thread(self._database.checkpoint).addErrback(
            lambda failure: log.warning("the write-ahead log was not worked off: %s", failure.type)
        )

    def _write_states(self) -> defer.Deferred[Any]:
        known = {one.id: one for one in self._settings.exchanges}
        entries = self._states.entries(self._supervision.statuses(), known, self._problems)
        told = self.hub.deliveries.changed()
        written = self._in_thread(self._put_states, entries, told)
        return written.addCallbacks(self._states_written, self._states_not_written, errbackArgs=(told,))

    def _states_written(self, _: object) -> None:
        self._database_problem = None

    def _states_not_written(self, failure: Failure, told: list[Delivery]) -> None:
        self.hub.deliveries.again(told)
        self._database_problem = "the database can't be written to"
        log.warning("the exchanges' state was not written: %s", failure.type)

    def _put_states(self, entries: list[ExchangeEntry], told: list[Delivery]) -> None:
        with writing(self._database.engine).begin() as connection:
            put_exchanges(connection, entries)
            put_deliveries(connection, told, SystemClock().now())

    def _appointments(self) -> list[Appointment | Round]:
        audit = self._settings.audit
        reviewing = Round("records asked for", self._settings.review.look_every_minutes, self._remind)
        daily = [
            Appointment("seal of the audit trail", audit.seal_at, audit.timezone, self._seal),
            Appointment("proposals for phases", LEARN_AT, audit.timezone, self._learn),
            Appointment("end of retention", self._settings.retention.at, audit.timezone, self._end_retention),
        ]
        days = Round("stand-ins that begin or end", 1, self._turn)
        usage = Round("use of services", USAGE_MINUTES, self._ask_usage)
        reports = [
            Appointment(f"report at {one.at}", one.at, one.timezone, lambda one=one: self._mail_report(one))  # type: ignore[misc]
            for one in self._settings.reports
        ]
        return [*daily, *reports, reviewing, days, usage]

    def _turn(self) -> None:
        """In the timetable's thread, at each full minute: days begin and end at one, in every zone."""
        now = SystemClock().now()
        with self._database.engine.connect() as connection:
            users = turning(connection, now - TURN_SECONDS, now)
        if users:
            self.reactor.callFromThread(self._live.look_again, users)

    def _remind(self) -> None:
        """In the timetable's thread."""
        if remind(self._database, SystemClock(), self._settings.server.public_url):
            self.reactor.callFromThread(self._outbox.wake)

    def _ask_usage(self) -> None:
        """In the timetable's thread, a server at a time."""
        fetch = UsageServer(self._settings.usage.private_hosts)
        wake = self._outbox.wake
        told = partial(self.reactor.callFromThread, lambda _rows: wake())
        UsagePull(self._database, self._secrets, SystemClock(), fetch, told).due()

    def _learn(self) -> None:
        """In the timetable's thread, a service at a time."""
        with self._database.open(EVERYTHING) as work:
            services = work.set_up.services()
        for service in services:
            with self._database.open(EVERYTHING) as work:
                made = look(work, service, None, SystemClock().now())
            if made:
                log.info("%s proposals were made for %s", len(made), service.name)

    def _end_retention(self) -> None:
        """In the timetable's thread, lot by lot."""
        prove = partial(proof, proof_key(self._settings.data_dir))
        engine, settings = writing(self._database.engine), self._settings.retention
        for kind, ended in retention.run(engine, SystemClock(), settings, prove):
            if ended:
                log.info("retention: %s of %s ended", ended, kind)
        self._database.empty_log()

    def _seal(self) -> None:
        """In the timetable's thread."""
        made = seal(writing(self._database.engine), SystemClock().now(), None)
        log.info("seal %s of the audit trail was made", made.number)

    def _mail_report(self, report: ReportSettings) -> None:
        """In the timetable's thread."""
        user = next((user for user in self._people.users() if user.login == report.user), None)
        if user is None:
            log.error("the report at %s is not mailed: there is no user %s", report.at, report.user)
            return
        queue_report(self._database, self._people.viewer(user.id), SystemClock(), report)

    def _in_thread(self, what: Callable[..., Any], *args: Any) -> defer.Deferred[Any]:
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), what, *args)


def keep_out_of_collections() -> None:
    """What is there now stays till the end: Python's cycle collector need not look through it again and again. Modules,
    tables and numbering plans are half a million objects, and each look holds every thread up for a tenth of a
    second: a telephone rings that long before its pop-up."""
    gc.collect()
    gc.freeze()


def _not_taken_over(failure: Failure) -> None:
    log.error("the settings were not taken over: %s", failure.value)


def _certificate(settings: Settings) -> Renewing:
    """The TLS context of the public port."""
    server = settings.server
    if server.tls_key is None or server.tls_certificate is None:
        raise SettingsError("[server] has a tls_certificate but no tls_key; https takes both")
    return Renewing(server.tls_certificate, server.tls_key)
