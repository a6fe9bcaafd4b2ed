"""Why a mail has not gone out, in the reader's language. The mailer says it in English (``cti_adapters.mail``)."""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import LazyString, lazy_gettext

_ = lazy_gettext

SENTENCES: Final[dict[str, LazyString]] = {
    "No mail server is set; the mail waits": _("No mail server is set; the mail waits"),
    "The mail server can't be reached; the mail waits and is tried again": _(
        "The mail server can't be reached; the mail waits and is tried again"
    ),
    "No secure connection to the mail server; the mail waits and is tried again": _(
        "No secure connection to the mail server; the mail waits and is tried again"
    ),
    "The mail server refuses our login; the mail waits and is tried again": _(
        "The mail server refuses our login; the mail waits and is tried again"
    ),
    "This address or subject holds characters that no mail may have": _(
        "This address or subject holds characters that no mail may have"
    ),
    "The mail server could not be reached for three days; the mail was not sent": _(
        "The mail server could not be reached for three days; the mail was not sent"
    ),
}

BEGINNINGS: Final[dict[str, LazyString]] = {
    "The mail server refused it: ": _("The mail server refused it: %(said)s"),
    "The mail server does not take it just now: ": _("The mail server does not take it just now: %(said)s"),
}
"""What the server itself said follows."""


def mail_problem(problem: str) -> str:
    """The problem in the reader's language; what the mail server itself said stays as it is."""
    if problem in SENTENCES:
        return str(SENTENCES[problem])
    for beginning, sentence in BEGINNINGS.items():
        if problem.startswith(beginning):
            return str(sentence) % {"said": problem.removeprefix(beginning)}
    return problem


def register(app: Flask) -> None:
    """Makes it known to the templates."""
    app.jinja_env.globals["mail_problem"] = mail_problem
