"""The callback draft: a text ready to send, from a template per language and branch (spec C5), and what may be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.shared.errors import Invalid

LANGUAGES: Final = ("ja", "en")
FIELDS: Final = ("customer", "code", "branch", "rep", "at")
"""What a template may name in braces: the customer's name and code, the names of our branch and rep, and when the
customer called, in the time of the branch."""
SUBJECT_LONGEST: Final = 200
BODY_LONGEST: Final = 20_000
ADDRESS_LONGEST: Final = 254  # RFC 5321, 4.5.3.1.3 (256 with the angle brackets)

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_NAME: Final = re.compile(r"\{(\w*)\}")
# RFC 5321, 4.1.2: a dot-string and a domain of letters, digits and hyphens. Quoted local parts are not taken.
_ADDRESS: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a draft is about. ``at`` is epoch seconds, UTC; ``timezone`` the branch's."""

    customer: str
    code: str
    branch: str
    rep: str
    at: float
    timezone: str


def checked_template(template: str) -> str:
    """A template as it is. Raises Invalid where it names something that there is not."""
    for found in _NAME.finditer(template):
        if found[1] not in FIELDS:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise Invalid(f"a template can't name {found[0]}; it may name {known}", "template", "template-name")
    return template


def filled(template: str, occasion: Occasion, language: str) -> str:
    """The template with its names replaced."""
    values = {
        "customer": occasion.customer,
        "code": occasion.code,
        "branch": occasion.branch,
        "rep": occasion.rep,
        "at": said_time(occasion.at, occasion.timezone, language),
    }
    return _NAME.sub(lambda found: values.get(found[1], found[0]), template)


def said_time(at: float, timezone: str, language: str) -> str:
    """A date and time as a letter says it: ``2021/6/1 10:05``, in English ``1 June 2021, 10:05``."""
    then = datetime.fromtimestamp(at, ZoneInfo(timezone))
    clock = f"{then.hour}:{then.minute:02}"
    if language == "ja":
        return f"{then.year}/{then.month}/{then.day} {clock}"
    return f"{then.day} {_MONTHS[then.month - 1]} {then.year}, {clock}"


def language_of(asked: str | None, customers: str) -> str:
    """The language of a draft: the one asked for, else the customer's; English for those that have no template."""
    wanted = asked or customers
    return wanted if wanted in LANGUAGES else "en"


def checked_mail(to: str, subject: str, body: str) -> tuple[str, str, str]:
    """The mail as it may go out. Raises Invalid naming the entry that can't be taken.

    Line breaks in an address or a subject are refused: they would add headers of their own (RFC 5322, 2.2).
    """
    for field, text in (("to", to), ("subject", subject)):
        if any(sign in text for sign in "\r\n\0"):
            raise Invalid("A mail's address and subject are one line each; take the line break out", field, "one-line")
    return (
        checked_address(to),
        _checked_text(subject, "subject", SUBJECT_LONGEST),
        _checked_text(body.replace("\r\n", "\n"), "body", BODY_LONGEST),
    )


def checked_address(address: str, field: str = "to") -> str:
    """A mail address without the blanks around it. Raises Invalid where it is none."""
    bare = address.strip(" \t\u3000")
    if len(bare) > ADDRESS_LONGEST or not _ADDRESS.fullmatch(bare):
        raise Invalid("This is no mail address; it has to look like name@example.jp", field, "mail-address")
    return bare


def _checked_text(text: str, field: str, longest: int) -> str:
    if not text.strip():
        raise Invalid(f"The mail's {field} is empty; write something", field, f"{field}-missing")
    if len(text) > longest:
        raise Invalid(f"The mail's {field} is longer than {longest} characters; shorten it", field, f"{field}-long")
    return text.strip() if field == "subject" else text
