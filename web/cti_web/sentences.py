"""What went wrong, in the reader's language. The core says it in English; its fixed sentences are in the catalogue, and
those that name something are told apart by their stable code."""

from __future__ import annotations

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
    return _by_code(error, code) if code else ""


def _by_code(error: YobirinError, code: str) -> str:
    if code in BY_CODE:
        return str(BY_CODE[code])
    field = getattr(error, "field", None) or ""
    for ending, sentence in BY_ENDING.items():
        if code.endswith(ending):
            return str(sentence) % {"field": FIELDS.get(field, field)}
    return ""
