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
        "worded": {
            channel: {key: str(text) for key, text in texts.items()} for channel, texts in labels.WORDED.items()
        },
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
        "seats": seats(),
        "someoneElse": _("Somebody else"),
        "popUpTest": pop_up_test(),
        "refused": _("That could not be done. Load the page again and repeat it."),
        "away": _("The server does not answer. What you typed is still here; try again."),
        "recordUrl": url_for("calls.record", call="ID"),
        "openUrl": url_for("calls.open_work", call="ID"),
        "passUrl": url_for("calls.ask_hand_on", call="ID"),
    }


def seats() -> dict[str, str]:
    """What is said to who got or lost a telephone: by why, and whether it is theirs now. Not to who did it."""
    number, name = "{number}", "{name}"
    no_longer = _("%(number)s is no longer yours: its calls do not pop up here any more.", number=number)
    again = _("%(number)s is yours again: its calls pop up here.", number=number)
    return {
        "taken:lost": _(
            "%(name)s sits at %(number)s now: its calls do not pop up here any more.", name=name, number=number
        ),
        "time:lost": _("Your time at %(number)s is over: its calls do not pop up here any more.", number=number),
        "signed-out:lost": _("You signed out, so that you sit at %(number)s no more.", number=number),
        "administrator:lost": _("%(name)s ended that you sit at %(number)s.", name=name, number=number),
        "shared:lost": _("%(number)s is a shared telephone now: its calls pop up at nobody.", number=number),
        "removed:lost": no_longer,
        "changed:lost": no_longer,
        "changed:mine": _("%(number)s is yours now: its calls pop up here.", number=number),
    } | {f"{why}:mine": again for why in ("left", "moved", "time", "signed-out", "administrator")}


def pop_up_test() -> dict[str, str]:
    """What a tried pop-up says, and what the browser makes of it."""
    return {
        "name": _("This is a test"),
        "state": _("Test"),
        "arrived": _(
            "It arrived after %(seconds)s s; %(screens)s of your pages and browsers were told.",
            seconds="{seconds}",
            screens="{screens}",
        ),
        "signedOut": _("You are signed out: sign in again."),
        "away": _(
            "The page has no live link to the server (see at the top): check the network, then load the page again."
        ),
        "taken": _("The server took it."),
        "notTaken": _(
            "The server did not take it up: it may be starting or overloaded. Try again; if it stays so, tell an "
            "administrator."
        ),
        "lost": _(
            "The server sent it, but it did not come here within %(seconds)s s: a proxy may hold the stream back, or "
            "another page of yours has it. Load this page again.",
            seconds="{seconds}",
        ),
        "shown": _("The card was shown on this page."),
        "notShown": _("The card could not be seen: make the window larger, or scroll up."),
        "granted": _("The browser may notify you, and was asked to."),
        "off": _("You switched notifications off, further up on this page."),
        "default": _("The browser has not been asked yet: press “Let the browser notify me” further up on this page."),
        "denied": _("The browser was told not to notify you: allow it in its settings for this site."),
        "impossible": _(
            "Notifications need an encrypted address (https); ask an administrator. Pop-ups in the page work without."
        ),
        "heard": _("The sound was played. If you heard nothing, turn the computer's sound up."),
        "silent": _("The browser does not let the page play a sound yet: click anywhere on the page, and try again."),
        "soundOff": _("You have the sound switched off, further up on this page."),
        "waits": _("Waiting …"),
    }


def register(app: Flask) -> None:
    """Makes them known to the templates."""
    app.jinja_env.globals.update(call_words=call_words, said=sentences.said)
