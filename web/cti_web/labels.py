"""The words, colours and icons for what the core names by keys: outcomes, states, kinds, results."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask
from flask_babel import LazyString, lazy_gettext, lazy_pgettext

from cti_server.calls.views import CallRow, ItemRow


class Label(NamedTuple):
    """A word with the tone and icon that it is shown in. Tones: red, amber, green, blue, violet or empty (grey)."""

    text: LazyString
    tone: str = ""
    icon: str = ""


_ = lazy_gettext

STATES: dict[str, Label] = {
    "arriving": Label(_("Arriving"), "green", "phone-call"),
    "ringing": Label(_("Ringing"), "green", "phone-call"),
    "waiting": Label(_("Waiting in the queue"), "amber", "clock"),
    "talking": Label(_("On call"), "blue", "phone"),
    "held": Label(_("On hold"), "amber", "player-pause"),
    "ended": Label(_("Ended"), "", "phone-off"),
}

INCOMING: dict[str, Label] = {
    "answered": Label(_("Answered"), "blue", "phone-incoming"),
    "missed": Label(_("Missed"), "red", "phone-x"),
    "abandoned": Label(_("Hung up while waiting"), "red", "phone-x"),
    "busy": Label(_("Got the busy tone"), "red", "phone-off"),
    "failed": Label(_("Failed"), "red", "phone-off"),
    "voicemail": Label(_("Left a message"), "amber", "record-mail"),
}

OUTGOING: dict[str, Label] = {
    "answered": Label(_("Called out"), "green", "phone-outgoing"),
    "missed": Label(_("No answer"), "", "phone-outgoing"),
    "abandoned": Label(_("Given up"), "", "phone-outgoing"),
    "busy": Label(_("Line was busy"), "", "phone-outgoing"),
    "failed": Label(_("Failed"), "", "phone-off"),
    "voicemail": Label(_("Reached a voicemail"), "", "phone-outgoing"),
}

ITEM_KINDS: dict[str, Label] = {
    "missed": Label(_("Missed"), "red", "phone-x"),
    "answered": Label(_("No record"), "amber", "phone-incoming"),
    "unregistered": Label(_("Unregistered caller"), "amber", "user-question"),
    "handed": Label(_("Passed on to you"), "violet", "user-share"),
}

MATCHES: dict[str, Label] = {
    "exact": Label(_("exact match"), "green"),
    "probable": Label(_("maybe: same last digits"), "amber"),
    "none": Label(_("not registered"), "amber"),
    "withheld": Label(_("number withheld"), ""),
    "internal": Label(_("internal"), ""),
    "erased": Label(_("Erased"), ""),
}

HISTORY_KINDS: dict[str, Label] = {
    "contact": Label(_("Contact"), "blue", "message"),
    "visit booking": Label(_("Visit booking"), "violet", "calendar-event"),
    "seminar booking": Label(_("Seminar booking"), "violet", "presentation"),
}
DONE_KINDS: dict[str, Label] = HISTORY_KINDS | {"hand-over": Label(_("Handed over"), "violet", "user-share")}
"""With what nobody records, but is done."""

CHANNELS: dict[str, Label] = {
    "phone": Label(_("Telephone"), "", "phone"),
    "mail": Label(lazy_pgettext("noun", "Mail"), "", "mail"),
    "visit": Label(_("Visit"), "", "door-exit"),
    "other": Label(_("Other"), "", "dots"),
}

RESULTS: dict[str, LazyString] = {
    "spoke": _("Spoke"),
    "message": _("Left message"),
    "no answer": _("No answer"),
    "booked": _("Booked"),
    "wrong number": _("Wrong number"),
    "complaint": _("Complaint"),
}
"""The results a rep picks from; a record may hold others (the server's own), which are shown as they are."""

WORDED: dict[str, dict[str, LazyString]] = {
    "visit": {"spoke": _("Met"), "no answer": _("Was not in"), "wrong number": _("Wrong place")},
    "mail": {
        "spoke": _("Reached"),
        "no answer": _("No reply"),
        "wrong number": _("Wrong address"),
        "mail": _("Mail from the draft"),
    },
    "other": {"spoke": _("Reached"), "no answer": _("Not reached"), "wrong number": _("Wrong contact")},
}
"""What a result is called where somebody wasn't telephoned: nobody speaks on the telephone on a visit."""

UNSAID = Label(_("Exchange does not say"))
DIRECTIONS: dict[str, LazyString] = {"in": _("Incoming"), "out": _("Outgoing"), "internal": _("Internal")}

DIALLING: dict[str, Label] = {
    "asked": Label(_("Your telephone will ring…"), "blue", "phone-call"),
    "ringing": Label(_("Ringing at the customer's"), "green", "phone-call"),
    "answered": Label(lazy_pgettext("dialling", "Connected"), "green", "phone-check"),
    "busy": Label(_("Line was busy"), "amber", "phone-off"),
    "noanswer": Label(_("No answer"), "amber", "phone-off"),
    "failed": Label(_("The call could not be placed"), "red", "phone-off"),
}

DRAFTS: dict[str, Label] = {
    "open": Label(_("Not sent"), "", "pencil"),
    "queued": Label(_("Waiting to be sent"), "amber", "clock"),
    "sent": Label(_("Sent"), "green", "mail-check"),
    "failed": Label(_("Could not be sent"), "red", "mail-x"),
    "closed": Label(_("Closed: you got through"), "green", "circle-check"),
}

ROLES: dict[str, LazyString] = {
    "rep": _("Rep"),
    "branch manager": _("Branch manager"),
    "PBX administrator": _("PBX administrator"),
    "compliance reviewer": _("Compliance reviewer"),
    "tester": _("Tester"),
    "administrator": _("Administrator"),
}

SPANS: dict[str, LazyString] = {
    "own": _("Their own customers"),
    "branch": _("Customers of their branch"),
    "all": _("Customers of every branch"),
}

CLASS_LIMITS: dict[str, LazyString] = {
    "123": _("All classes"),
    "23": _("2 and 3"),
    "3": _("Only 3"),
    "": _("No customers"),
}

USER_RIGHTS: dict[str, LazyString] = {
    "handle": _("handles calls"),
    "unregistered": _("sees unregistered callers"),
    "customers": _("changes customers"),
    "export": _("exports lists"),
    "audit": _("reviews calls and the trail"),
    "rules": _("changes the rules of compliance"),
    "phases": _("sets up services and phases"),
    "exchanges": _("looks after exchanges"),
    "simulator": _("uses the simulator"),
    "users": _("looks after users"),
}
"""What a role allows, as its bearer does it."""

MARKS: dict[str, LazyString] = {
    "end-not-seen": _("Nobody saw it end"),
    "cut-by-gap": _("Cut by a gap"),
    "start-not-seen": _("Nobody saw it begin"),
    "start-worked-out": _("Start worked out from its end and length"),
    "start-not-said": _("It may have begun earlier: the exchange does not say when"),
    "no-time-said": _("The exchange gives no time: that of its report is shown"),
    "number-in-part": _("The exchange shows only a part of the number"),
    "from-record": _("From the exchange's own record"),
    "more-records-awaited": _("The exchange has yet to send the rest of it"),
    "forgotten": _("Erased: it took place, and names nobody any more"),
    "not-in-journal": _("Folded again, what the exchange sent does not show it; kept because it was worked on"),
}

TRAIL: dict[str, LazyString] = {
    "started": _("Arrived"),
    "ringing": _("Rang"),
    "answered": _("Answered"),
    "transferred": _("Transferred"),
    "ended": _("Ended"),
    "matched": _("Matched"),
    "told": _("Told"),
    "opened": _("Looked at by"),
    "revealed": _("Number shown to"),
    "raw revealed": _("What the exchange sent shown whole to"),
    "said-late": _("The exchange said something else when it was over; noted, not believed"),
    "merged": _("Found to be a part of another call"),
    "handled": _("Handled by"),
    "reopened": _("Opened again by"),
    "recorded": _("Recorded by"),
    "undone": _("Undone by"),
    "dialled": _("Called back by"),
    "mailed": _("Mail sent by"),
    "handed": _("Passed on by"),
    "snoozed": _("Put off by"),
    "received": _("Who took it, entered by"),
    "picked": _("Customer picked by"),
    "registered": _("Registered by"),
    "attached": _("Attached by"),
    "dismissed": _("Marked as no customer by"),
    "undismissed": _("No customer, taken back by"),
    "taken back": _("Passing on taken back by"),
    "unsnoozed": _("Taken out of waiting by"),
    "changed": _("Changed by"),
    "completed": _("Completed from the exchange's own record"),
    "record asked for": _("Record asked for by"),
    "record answered": _("Record that was asked for made by"),
    "record missing again": _("The record was taken back; it is asked for again"),
    "record not asked for any more": _("Request for a record withdrawn by"),
    "record reminded": _("Reminded of the record:"),
    "record escalated": _("Missing record escalated to"),
    "corrected": _("Corrected: read again from what the exchange sent"),
}

_UNKNOWN = Label(_("Not known"))


def outcome(row: CallRow) -> Label:
    """How the call stands, or what became of it."""
    if row.state != "ended":
        return STATES.get(row.state, _UNKNOWN)
    table = OUTGOING if row.direction == "out" else INCOMING
    return table.get(row.disposition, _UNKNOWN) if row.disposition else UNSAID


def direction(key: str | None) -> LazyString:
    """Incoming, outgoing or internal, where the exchange says so."""
    return DIRECTIONS.get(key or "", _("Direction not said"))


def item_label(row: ItemRow) -> Label:
    """What kind of thing to do it is; a missed call by what exactly happened to it. Where the last of several calls was
    answered, a record is what is missing."""
    if row.kind == "missed" and row.latest.disposition != "answered":
        return outcome(row.latest)
    if row.kind == "missed":
        return ITEM_KINDS["answered"]
    return ITEM_KINDS.get(row.kind, _UNKNOWN)


def result(key: str, channel: str = "phone") -> Any:
    """The result in words, as one says it of that channel."""
    return WORDED.get(channel, {}).get(key) or RESULTS.get(key, key)


def trail_kind(key: str) -> Any:
    """A step of a call's trail in words."""
    return TRAIL.get(key, key)


def label_choices(table: dict[str, Label]) -> list[tuple[str, LazyString]]:
    """Keys and words of a table, as a form offers them."""
    return [(key, label.text) for key, label in table.items()]


def register(app: Flask) -> None:
    """Makes the tables known to the templates."""
    app.jinja_env.globals.update(
        outcome=outcome,
        item_label=item_label,
        result_label=result,
        trail_kind=trail_kind,
        label_choices=label_choices,
        STATES=STATES,
        MATCHES=MATCHES,
        RESULTS=RESULTS,
        HISTORY_KINDS=HISTORY_KINDS,
        DONE_KINDS=DONE_KINDS,
        CHANNELS=CHANNELS,
        DIRECTIONS=DIRECTIONS,
        direction=direction,
        DIALLING=DIALLING,
        DRAFTS=DRAFTS,
        INCOMING=INCOMING,
        ROLES=ROLES,
        SPANS=SPANS,
        CLASS_LIMITS=CLASS_LIMITS,
        USER_RIGHTS=USER_RIGHTS,
        MARKS=MARKS,
    )
