"""The incoming report as a mail at a set hour (spec C5): what its user may see, in the user's language and zone.

Written outside of any page: a small application of its own lends it the translations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_babel import Babel, force_locale
from flask_babel import gettext as _

from cti_adapters.storage.work import Database
from cti_server.calls.desk import Desk
from cti_server.calls.ports import MailEntry
from cti_server.calls.views import CallRow
from cti_server.settings import ReportSettings
from cti_server.shared.clock import Clock
from cti_server.shared.viewer import Viewer
from cti_web import formats, labels, periods
from cti_web.report import Summary, summarise


def queue_report(database: Database, viewer: Viewer, clock: Clock, settings: ReportSettings) -> None:
    """Puts today's report into the mail queue, one mail for each receiver. Raises NotAllowed where the user may not
    export: a mail is an export."""
    now = clock.now()
    today = formats.local(now, settings.timezone).date()
    since = periods.midnight(today, settings.timezone)
    with database.open(viewer.scope, write=True) as work, in_words(viewer.language):
        use = Desk(work, viewer, clock)
        sums = summarise(use.report(since, now, settings.branch, export=True), settings.timezone)
        day = formats.day(today, viewer.language, year=True)
        subject = f"{_('Incoming report')} · {day}"
        body = "\n".join(report_lines(sums, settings.timezone, viewer.language)) + "\n"
        for address in settings.to:
            entry = MailEntry(None, None, None, viewer.id, address, "", subject, body, now)
            work.records.add_mail(entry)


@contextmanager
def in_words(language: str) -> Iterator[None]:
    """The translations of a language, for what is written outside of any page."""
    app = Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(Path(__file__).parent / "translations")
    Babel(app)
    with app.app_context(), force_locale(language):
        yield


def report_lines(sums: Summary, zone: str, language: str) -> Iterator[str]:
    """The report as text: the sums, then a line a call."""
    yield f"{_('Calls')}: {sums.total}"
    yield f"{_('Answered')}: {sums.outcomes['answered']}"
    yield f"{_('Not answered')}: {sums.not_answered}"
    yield f"{_('Still open')}: {sums.open}"
    yield f"{_('Talked')}: {formats.length(sums.talk_seconds)}"
    yield ""
    for row in sums.rows:
        yield "  ".join(_line(row, zone, language))


def _line(row: CallRow, zone: str, language: str) -> Iterator[str]:
    yield formats.clock_time(row.started_at, zone)
    yield str(labels.outcome(row).text)
    yield row.number
    yield " / ".join(f"{formats.polite(one.name, language)} ({one.code})" for one in row.who)
    yield row.receiver_name or row.extension or ""
