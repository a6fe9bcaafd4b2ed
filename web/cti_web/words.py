"""The words that the browser's own scripts show (live calls, what was said), in the language of the page."""

from __future__ import annotations

from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _

from cti_web import formats, labels, sentences


def call_words() -> dict[str, Any]:
    """All of them, by the names that ``static/js`` knows. ``{…}`` is filled in by the browser."""
    return {
        "states": {key: str(label.text) for key, label in labels.STATES.items()},
        "outcomes": {key: str(label.text) for key, label in labels.INCOMING.items()},
        "outgoing": {key: str(label.text) for key, label in labels.OUTGOING.items()},
        "matches": {key: str(label.text) for key, label in labels.MATCHES.items()},
        "channels": {key: str(label.text) for key, label in labels.CHANNELS.items()},
        "results": {key: str(text) for key, text in labels.RESULTS.items()},
        "live": _("Live"),
        "liveWith": _("Live · PBX %(up)s/%(all)s", up="{up}", all="{all}"),
        "notLive": _("Not live since %(time)s", time="{time}"),
        "connecting": _("Connecting"),
        "signedOut": _("Signed out"),
        "tooManyTabs": _("Not live: open too many times"),
        "ext": _("Ext. %(number)s", number="{number}"),
        "yourExt": _("your ext. %(number)s", number="{number}"),
        "queue": _("Queue %(name)s", name="{name}"),
        "polite": formats.polite("{name}", formats.language()),
        "maybe": _("maybe %(name)s", name="{name}"),
        "several": _("One of %(number)s customers", number="{number}"),
        "unregistered": _("Unregistered caller"),
        "withheld": _("Number withheld"),
        "internal": _("Internal call"),
        "outgoingCall": _("Outgoing call"),
        "repYou": _("Rep: you"),
        "rep": _("Rep: %(name)s", name="{name}"),
        "noRep": _("none"),
        "class": _("Class %(number)s", number="{number}"),
        "code": _("Code %(code)s", code="{code}"),
        "open": _("Open calls"),
        "lastContact": _("Last contact"),
        "noContact": _("None yet"),
        "rings": _("%(name)s is calling", name="{name}"),
        "someone": _("A call is ringing"),
        "taken": _("You took a call of a customer outside your list. The rep in charge is told."),
        "refused": _("That could not be done. Load the page again and repeat it."),
        "away": _("The server does not answer. What you typed is still here; try again."),
        "recordUrl": url_for("calls.record", call="ID"),
        "openUrl": url_for("calls.open_work", call="ID"),
        "passUrl": url_for("calls.ask_hand_on", call="ID"),
    }


def register(app: Flask) -> None:
    """Makes them known to the templates."""
    app.jinja_env.globals.update(call_words=call_words, said=sentences.said)
