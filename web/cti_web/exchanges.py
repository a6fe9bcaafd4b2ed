"""The exchanges: how each link is and why, in words; what was heard, what was missed, what could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask import Blueprint, Flask, Response
from flask_babel import LazyString, lazy_gettext

from cti_adapters.exchanges.findings import manager_conf
from cti_server.calls.views import ExchangeRow, UnreadReason, UnreadRow
from cti_web import exchange_words, tail
from cti_web.answers import asked_for, fragment, page
from cti_web.exchange_settings import managing, other_make_of, profile_of, removed, settings_of
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("exchanges", __name__)

_ = lazy_gettext

UNREAD_SHOWN: Final = 10
PAUSED: Final = Label(_("Paused"), "")
LINKS: Final[dict[str, Label]] = {
    "starting": Label(_("Starting"), "amber"),
    "connecting": Label(_("Connecting"), "amber"),
    "up": Label(_("Connected"), "green"),
    "down": Label(_("Not connected"), "red"),
    "refused": Label(_("Sign-in refused"), "red"),
    "paused": Label(_("Reading is paused"), "red"),
    "failed": Label(_("Needs to be mended"), "red"),
    "stopped": Label(_("Stopped"), ""),
}

REASONS: Final[dict[str, LazyString]] = {
    "connecting": _("Connecting to %(host)s, port %(port)s."),
    "unknown-host": _("There is no host named %(host)s; check the exchange's host setting."),
    "connection-refused": _(
        "Nothing listens at %(host)s, port %(port)s; check that Asterisk runs and manager.conf has enabled = yes."
    ),
    "unreachable": _("%(host)s, port %(port)s can't be reached: %(error)s."),
    "tls-failed": _("No secure link to %(host)s, port %(port)s: %(error)s; check the certificate and tls_ca."),
    "not-ami": _("What answers at %(host)s, port %(port)s is not Asterisk's manager interface; check the port."),
    "login-timeout": _("%(host)s, port %(port)s took the connection but did not answer the sign-in."),
    "refused": _(
        "The exchange refuses the sign-in of %(user)s: %(said)s; check username and secret, and the AMI user's permit "
        "lines."
    ),
    "shutting-down": _("The exchange is shutting down."),
    "closed": _("The exchange closed the link."),
    "silent": _("The exchange has been silent for %(seconds)s s."),
    "nothing-listens": _(
        "Nothing listens at %(host)s, port %(port)s; check that the exchange is set to send its call records there, "
        "and the port."
    ),
    "awaiting-exchange": _("Waiting for the exchange to connect to %(host)s, port %(port)s."),
    "port-taken": _(
        "Port %(port)s at %(host)s can't be listened at: %(error)s; end the program that has it, or choose another "
        "port here and in the exchange."
    ),
    "peer-refused": _(
        "%(address)s tried to connect and was turned away; if it is the exchange, add it to the allowed peers."
    ),
    "connected-again": _("The exchange connected again; its old connection was left off."),
    "sign-in-ended": _("%(host)s, port %(port)s ended the connection at the sign-in; check the exchange's secret."),
    "not-this-make": _("%(host)s, port %(port)s doesn't ask for a sign-in as this make does; check profile and port."),
    "no-records": _("No record has come for %(minutes)s minutes, in hours in which some should."),
    "opening-line": _("Opening %(device)s."),
    "no-device": _("There is no %(device)s; check that the adapter is plugged in, and the device setting."),
    "device-denied": _("%(device)s may not be opened; let the user that runs this server into its group (dialout)."),
    "line-failed": _("%(device)s can't be used: %(error)s."),
    "line-gone": _("%(device)s is gone; it is opened again when it is back."),
    "file-missing": _("There is no file %(path)s; it is read as soon as it is there."),
    "file-unreadable": _("%(path)s can't be read: %(error)s."),
    "file-shrank": _(
        "%(path)s was cut or replaced before all of it was read; records may be missing. Let it be rotated by "
        "renaming, or less often."
    ),
    "folder-missing": _("There is no folder %(path)s; create it, or change the path."),
    "file-vanished": _("The file %(path)s was taken away before all of it was read."),
    "disk-full": _("The disk is full: nothing is read from the exchange until there is room."),
    "journal-failed": _("The journal can't be written to: %(error)s."),
    "journal-unusable": _("The journal can't be opened: %(error)s."),
    "bad-settings": _("The settings of this exchange can't be used: %(error)s."),
    "server-stopped": _("This server was not running."),
    "stopped": _("This server was stopped."),
    "paused-by-person": _("An administrator paused it; nothing is heard until it is resumed."),
    "settings-changed": _("Its settings were changed."),
    "removed": _("It was removed."),
    "records-come": _("Its records are being taken; nothing was tried, so that none is lost."),
    "not-connected-on-purpose": _(
        "There is a host %(host)s. Nothing was connected to port %(port)s, since what the exchange sends at a test "
        "would be lost; once it is saved, its page says whether records come."
    ),
    "port-free": _("Port %(port)s at %(host)s is free; once it is saved, the exchange may connect."),
    "can-be-read": _("%(path)s is there and may be read."),
    "other-make": _(
        "What it sends looks like %(title)s, not like the make that is set; choose the profile %(profile)s."
    ),
    "test-too-late": _("The server was not there to test it; try again."),
    "no-snapshot": _(
        "The AMI user may not ask which calls are up after a reconnect (%(said)s); give it write = reporting."
    ),
    "clock-ahead": _(
        "The exchange's clock is %(seconds)s s ahead of ours: times of calls are off by that. Let both take the time "
        "by NTP."
    ),
    "clock-behind": _(
        "The exchange's clock is %(seconds)s s behind ours: times of calls are off by that. Let both take the time "
        "by NTP."
    ),
    "zone-looks-wrong": _(
        "The exchange's clock differs from ours by %(hours)s h: its time zone looks wrong. Check its clock, zone and "
        "summer time."
    ),
    "database-stuck": _("The calls can't be written to the database: %(error)s."),
    "record-none": _("No record of the exchange's calls is set to fetch them from."),
    "record-missing": _("%(file)s is not there; check the settings, and that Asterisk writes it."),
    "record-unreadable": _("%(file)s can't be read: %(error)s."),
    "record-odd": _("%(file)s is no record of calls that can be read: %(reason)s."),
    "record-no-table": _("The database of the exchange's record has no table %(table)s."),
    "record-unreachable": _("The database of the exchange's record can't be read: %(error)s."),
    "record-no-driver": _("The driver of the database of the exchange's record is not installed: %(driver)s."),
    "record-bad-url": _("The address of the database of the exchange's record is none."),
    "record-bad-secret": _("The address of the database of the exchange's record can't be had: %(error)s."),
    "journal-damaged": _("A part of the journal can't be read any more, from offset %(offset)s to %(resume)s."),
}
"""The reasons of ``cti_adapters.exchanges.status``, in the reader's language."""

RIGHT_STATES: Final[dict[str, Label]] = {
    "granted": Label(_("granted"), "green"),
    "missing": Label(_("missing"), "red"),
    "unproven": Label(_("not proven"), ""),
}

COUNTERS: Final[dict[str, LazyString]] = {
    "events_per_second": _("Events a second"),
    "events": _("Events read"),
    "bytes": _("Bytes heard"),
    "connects": _("Signed in"),
    "failures": _("Failed or lost"),
    "pauses": _("Pauses"),
    "timeouts": _("Not answered"),
    "unreadable": _("Not readable"),
    "commits_failed": _("Database refused"),
    "backlog": _("Bytes not folded yet"),
    "clock_ahead": _("Its clock is ahead by (seconds)"),
    "live_cut_slow": _("Screens cut off"),
}
"""The feed's figures, and of the bounds of the live streams the one that is reached in practice."""


def reason(row: ExchangeRow) -> str:
    """Why the link is as it is; empty where there is nothing to say."""
    return in_words(row.reason, row.reason_values)


def in_words(code: str, values: dict[str, object]) -> str:
    """A reason in the reader's language; what is not known of it (a gap keeps only its code) is left out."""
    text = REASONS.get(code)
    return str(text) % defaultdict(lambda: "…", values) if text else code


def link_label(row: ExchangeRow) -> Label | None:
    """The state of a link in a word; one that somebody paused says so."""
    return PAUSED if row.reason == "paused-by-person" else LINKS.get(row.state)


class Panel(NamedTuple):
    """A part of an exchange's page: the template ``exchanges/panels/<name>.html``, which finds ``row`` (the
    ExchangeRow) and, as ``it``, what ``values`` gives. A live one is fetched again now and then, and whenever an
    exchange changes: the page itself, asked for ``y-panel-<name>``."""

    name: str
    values: Callable[[Desk, ExchangeRow], Any]
    live: bool = True


def _gaps(use: Desk, row: ExchangeRow) -> Any:
    return [gap for gap in use.gaps() if gap.exchange == row.id]


class Unread(NamedTuple):
    """What could not be read: why and how much of it, the latest, and the make that it looks to be of where that is
    another than it is read as (name, title)."""

    reasons: list[UnreadReason]
    rows: list[UnreadRow]
    other: tuple[str, str] | None
    foldable: bool
    profile: str
    """The name of the profile; empty where it is in a file."""


def _unread(use: Desk, row: ExchangeRow) -> Any:
    reasons = use.unread_reasons(row.id)
    records = row.kind == "smdr"
    other = other_make_of(use, row.id) if records and reasons else None
    rows = use.unread(row.id)[:UNREAD_SHOWN] if reasons else []
    return Unread(reasons, rows, other, records, profile_of(use, row.id) if records else "")


def _settings(use: Desk, row: ExchangeRow) -> Any:
    return settings_of(use, row.id)


def _nothing(_use: Desk, _row: ExchangeRow) -> Any:
    return None


PANELS: Final[tuple[Panel, ...]] = (
    Panel("gaps", _gaps),
    Panel("clock", _nothing),
    Panel("why", _nothing, live=False),
    Panel("tail", tail.of, live=False),
    Panel("unread", _unread),
    Panel("settings", _settings),
)
"""In the order in which the page shows them."""


@blueprint.get("/admin/exchanges")
@signed_in
@needs("exchanges")
def show() -> Response:
    """All exchanges in the viewer's span."""
    with desk() as use:
        rows = use.exchanges()
        gaps: dict[str, list[object]] = {}
        for gap in use.gaps():
            gaps.setdefault(gap.exchange, []).append(gap)
        values = {"rows": rows, "gaps": gaps, "removed": removed(use)}
        if asked_for() == "y-lights":
            return fragment("exchanges/lights.html", **values)
        return page(use, "exchanges/page.html", **values)


@blueprint.get("/admin/exchanges/<exchange>")
@signed_in
@needs("exchanges")
def one(exchange: str) -> Response:
    """All about one exchange."""
    with desk() as use:
        row = use.exchange(exchange)
        part = asked_for()
        if part == "y-exchange":
            return fragment("exchanges/status.html", row=row, entry=managing(use).entry(exchange))
        for panel in PANELS:
            if part == f"y-panel-{panel.name}":
                return fragment(f"exchanges/panels/{panel.name}.html", row=row, it=panel.values(use, row))
        panels = [(panel, panel.values(use, row)) for panel in PANELS]
        return page(use, "exchanges/one.html", row=row, panels=panels, entry=managing(use).entry(exchange))


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(
        link_label=link_label,
        COUNTERS=COUNTERS,
        link_reason=reason,
        gap_reason=in_words,
        raw_heading=tail.heading,
        EXCHANGE_KINDS=exchange_words.KINDS,
        EXCHANGE_FEEDS=exchange_words.FEEDS,
        AMI_RIGHTS=exchange_words.RIGHTS,
        RIGHT_STATES=RIGHT_STATES,
        manager_conf=manager_conf,
    )
