"""What happens at set hours, or every few minutes: one table, hour -> use case, on APScheduler.

Jobs run in the scheduler's own threads, never on the reactor; one that fails is logged and comes again at its next
hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Appointment:
    """``run`` is called every day at ``at`` (HH:MM) in the IANA zone ``timezone``."""

    name: str
    at: str
    timezone: str
    run: Callable[[], None]

    @property
    def trigger(self) -> CronTrigger:
        """The cron expression of it."""
        hour, minute = self.at.split(":")
        return CronTrigger(hour=int(hour), minute=int(minute), timezone=ZoneInfo(self.timezone))


@dataclass(frozen=True)
class Round:
    """``run`` is called every so many minutes, by the clock: a server that is often started anew keeps them too."""

    name: str
    minutes: int
    run: Callable[[], None]

    @property
    def trigger(self) -> IntervalTrigger:
        """The interval, counted from 1970 on."""
        return IntervalTrigger(minutes=self.minutes, start_date=datetime.fromtimestamp(0, UTC), timezone=UTC)


class Timetable:
    """Keeps a table of appointments; a server that was down at the hour catches up within an hour, once."""

    def __init__(self, appointments: Sequence[Appointment | Round]) -> None:
        self._scheduler = BackgroundScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 3600}
        )
        for appointment in appointments:
            self._scheduler.add_job(appointment.run, appointment.trigger, name=appointment.name)
        self._scheduler.add_listener(self._said, EVENT_JOB_ERROR | EVENT_JOB_MISSED)

    def start(self) -> None:
        """Begins to keep the appointments."""
        self._scheduler.start()

    def stop(self) -> None:
        """Ends; a job that runs is waited for."""
        self._scheduler.shutdown(wait=True)

    @staticmethod
    def _said(event: JobExecutionEvent) -> None:
        problem = getattr(event, "exception", None)
        log.error("the appointment %s %s", event.job_id, f"failed: {problem!r}" if problem else "was missed")
