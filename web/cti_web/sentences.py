"""What went wrong, in the reader's language. The core says it in English; its fixed sentences are in the catalogue, and
those that name something are told apart by their stable code."""

from __future__ import annotations

import re
from typing import Final

from flask_babel import LazyString, gettext, lazy_gettext

from cti_server.shared.errors import Invalid, YobirinError
from cti_web import formats

_ = lazy_gettext

FIELDS: Final[dict[str, LazyString]] = {
    "reason": _("reason"),
    "note": _("note"),
    "result": _("result"),
    "notes": _("notes"),
    "name": _("name"),
    "kana": _("kana"),
    "address": _("address"),
    "code": _("code"),
    "subject": _("subject"),
    "body": _("text"),
}

BY_CODE: Final[dict[str, LazyString]] = {
    "impossible-number": _("This is no telephone number that can be called; write it with its area code."),
    "code-taken": _("Another customer has this code; choose another."),
    "wrong-branch": _("There is no such branch."),
    "wrong-rep": _("There is no such rep."),
    "extension-known": _("This extension is entered already; change it there."),
    "extension-taken": _("This extension is another user's; take it from them first."),
    "extension-shared": _("This extension is a shared telephone; change that first."),
    "wrong-extension": _("An extension has up to 12 digits, such as 2003."),
    "shared-of-user": _("A shared telephone is nobody's; leave the user empty."),
    "shared-not-taken": _(
        "That is a shared telephone, which nobody takes for the day: who took a call there is entered with the call."
    ),
    "own-already": _("That is yours anyway: its calls pop up here."),
    "wrong-until": _("A telephone is taken for the day: choose an hour within the next 24."),
    "no-hour": _("Enter an hour such as 18:00."),
    "nobody-sits": _("Nobody sits there any more."),
    "user-missing": _("Choose whose it is."),
    "no-user": _("There is no such colleague; choose one of the list."),
}

NAMING: Final[dict[str, LazyString]] = {
    "rules-contradict-hours": _(
        "“%(one)s” and “%(other)s” hold for the same calls, but give different hours; make them agree, or hold for "
        "different calls."
    ),
    "rules-contradict-wants": _(
        "“%(one)s” and “%(other)s” hold for the same calls, but don’t ask the same of the record; make them agree, or "
        "hold for different calls."
    ),
    "rule-name-twice": _("Two rules are called “%(one)s”; give one of them another name."),
    "rule-kinds": _("“%(one)s” holds for no kind of call; choose at least one."),
    "rule-classes": _("“%(one)s” holds for no class of customer; choose at least one."),
    "rule-hours": _("“%(one)s” needs a number of business hours between 0 and 1000."),
    "rule-length": _("No call is as long as “%(one)s” says; set its seconds right."),
}
"""Of things that the user gave a name: what stands between quotation marks in the core's own sentence."""
_QUOTED: Final = re.compile("“([^”]*)”")

BY_ENDING: Final[dict[str, LazyString]] = {
    "-missing": _("Something is missing: %(field)s."),
    "-long": _("This is too long: %(field)s."),
}


def said(error: YobirinError) -> str:
    """The sentence of an error; empty where the reader's language has none (the page says something general then)."""
    text = str(error)
    if formats.language() == "en":
        return text
    known: str = gettext(text)
    if known != text:
        return known
    code = error.code if isinstance(error, Invalid) else None
    return _naming(text, code) or _by_code(error, code) if code else ""


def _naming(text: str, code: str) -> str:
    """A sentence that names things by its code: they stand in it between quotation marks, in their order."""
    if code not in NAMING:
        return ""
    names = _QUOTED.findall(text)
    return str(NAMING[code]) % {"one": names[0] if names else "", "other": names[-1] if names else ""}


def _by_code(error: YobirinError, code: str) -> str:
    if code in BY_CODE:
        return str(BY_CODE[code])
    field = getattr(error, "field", None) or ""
    for ending, sentence in BY_ENDING.items():
        if code.endswith(ending):
            return str(sentence) % {"field": FIELDS.get(field, field)}
    return ""
