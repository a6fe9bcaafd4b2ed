"""What the reader of scenario files and a simulated exchange say of a fault, in the reader's language.
``tests/web/test_scenario_words.py`` holds this against their source."""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import lazy_gettext

from cti_web.known_forms import Forms

_ = lazy_gettext

SENTENCES: Final = (
    _("to is missing; it is the number that is dialled"),
    _("a call of kind queue needs the queue's name"),
    _("a call of kind phone needs rings, the extensions that ring, or forward"),
    _("%(extension)s can't answer, it doesn't ring"),
    _("a call of kind %(kind)s can't end in %(outcome)s; it can in: %(possible)s"),
    _("a call of kind %(kind)s has no guests; one of kind conference has"),
    _("a call of kind %(kind)s has no %(name)s; only one of kind phone can"),
    _("a call that is picked up, parked, or not early is answered, not %(outcome)s"),
    _("a call that is forwarded ends in answered, given-up or timeout"),
    _("one phone forwards a call; rings names at most one"),
    _("only a queue rings one_by_one, and nobody gives up in it"),
    _("only a queue that rings one_by_one is not early, or ends in timeout"),
    _("a call of kind conference needs the room's number"),
    _("%(extension)s has to join after who was there before and leave before the caller"),
    _("a call of kind %(kind)s can't be transferred; only one of kind phone can"),
    _("a call of kind queue can't be held; a call of kind phone can"),
    _("the hold ends %(hold)s s after the answer, the talk after %(talk)s s"),
    _("the call is fetched %(fetched)s s after the answer, the talk ends after %(talk)s s"),
    _("the transfer begins %(begins)s s after the answer, the talk ends after %(talk)s s"),
    _("there is no extension %(extension)s; there are %(extensions)s"),
    _("there is no queue %(queue)s; there are %(queues)s, or name rings"),
    _("a scenario file holds one or more [[call]] tables"),
    _("nothing is called %(name)s that may happen to an exchange"),
    _("a call has no “%(name)s” to expect; it has %(names)s"),
    _("there is no “%(name)s”; there are %(names)s"),
    _("%(name)s is %(value)s: it would never end; a scenario has at most %(seconds)s seconds (a day)"),
    _("%(file)s: this is not TOML: %(problem)s (at line %(line)s, column %(column)s)"),
    _("%(file)s: this is not TOML: %(problem)s"),
    _("%(name)s: Input should be greater than or equal to %(least)s"),
    _("%(name)s: Input should be less than or equal to %(most)s"),
    _("%(name)s: Input should be greater than %(least)s"),
    _("%(name)s: Input should be a valid integer"),
    _("%(name)s: Input should be a valid integer, %(detail)s"),
    _("%(name)s: Input should be a valid number, %(detail)s"),
    _("%(name)s: Input should be a valid number"),
    _("%(name)s: Input should be a valid string"),
    _("%(name)s: Input should be a valid boolean"),
    _("%(name)s: Input should be a valid tuple"),
    _("%(name)s: Input should be %(words)s"),
    _("%(name)s: Field required"),
    _("%(name)s: %(reason)s"),
)
BEGINNINGS: Final = (_("%(where)s, line %(line)s: "),)


def _value(key: str, value: str) -> str:
    return FORMS.said(value) if key == "reason" else value


FORMS: Final = Forms(SENTENCES, (), BEGINNINGS, _value)


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.filters["scenario_said"] = FORMS.said
