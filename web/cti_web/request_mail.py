"""Mails about records that are asked for (spec C6): a reminder to who is asked, and to the managers of a branch that
one is missing. They name no customer: what it is about stands on the desk."""

from __future__ import annotations

from flask_babel import gettext as _

from cti_adapters.storage.request_steps import Taken, Told, take
from cti_adapters.storage.work import Database
from cti_server.calls.ports import MailEntry
from cti_server.shared.clock import Clock
from cti_server.shared.scope import EVERYTHING
from cti_web import formats
from cti_web.report_mail import in_words


def remind(database: Database, clock: Clock, address: str) -> int:
    """Reminds and escalates where the time has come; gives how many steps were taken. ``address`` is that of the pages,
    empty where the settings don't say it."""
    now = clock.now()
    with database.open(EVERYTHING, write=True) as work:
        taken = take(work, now)
        for one in taken:
            zone = work.firm.branches()[one.request.branch].timezone
            for told in one.to:
                if told.mail:
                    with in_words(told.language):
                        subject, body = _text(one, told, told.timezone or zone, address)
                    customer, call = one.request.customer_code, one.request.call_id
                    work.records.add_mail(MailEntry(None, customer, call, told.user, told.mail, "", subject, body, now))
    return len(taken)


def _text(taken: Taken, told: Told, zone: str, address: str) -> tuple[str, str]:
    """(subject, body) in the language of the moment."""
    row = taken.request
    due = formats.full(row.due_at, zone, told.language)
    if taken.step == "escalation":
        subject = _("A contact record is missing")
        lines = [_("A contact record that was asked for in your branch is missing. It was due on %(when)s.", when=due)]
    elif taken.step == "deadline":
        subject = _("A contact record is overdue")
        lines = [_("A contact record that you are asked for was due on %(when)s.", when=due)]
    else:
        subject = _("A contact record is asked for")
        lines = [_("A contact record that you are asked for is due on %(when)s.", when=due)]
    lines.append(_("What it is about stands on your desk."))
    if address:
        lines.append(f"{address.rstrip('/')}/desk/requests/{row.id}")
    return subject, "\n".join(lines) + "\n"
