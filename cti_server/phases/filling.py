"""What is typed into an input item, as it is kept. Raises Invalid with the item's label where it can't be taken."""

from __future__ import annotations

import unicodedata
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Final

from cti_server.phases.choosing import Rule
from cti_server.phases.model import InputItem
from cti_server.shared.errors import Invalid

LONGEST: Final = 2000


def kept(item: InputItem, typed: str) -> str:
    """The value of an item; empty takes it back."""
    value = typed.strip()
    if not value:
        return ""
    if len(value) > LONGEST:
        raise Invalid("An input item holds at most 2,000 characters; shorten it", item.label, "item-long")
    if item.kind == "number":
        return f"{number(value, item.label):f}"
    if item.kind == "date":
        return day(value, item.label).isoformat()
    if item.kind == "choice" and value not in item.choices:
        raise Invalid("Choose one of what the list offers", item.label, "item-choice")
    return value


def number(typed: str, field: str) -> Decimal:
    """A number as people write it: full width, with commas."""
    bare = unicodedata.normalize("NFKC", typed).replace(",", "").replace(" ", "").strip("¥円")
    try:
        found = Decimal(bare)
    except InvalidOperation as bad:
        raise Invalid("This is no number; write it in digits", field, "number-wrong") from bad
    if not found.is_finite() or abs(found) >= Decimal(10) ** 15:
        raise Invalid("This is no number; write it in digits", field, "number-wrong")
    return found


def span(since: str, until: str) -> tuple[time, time]:
    """From when until when, on a day."""
    try:
        return time.fromisoformat(since.strip()), time.fromisoformat(until.strip())
    except ValueError as bad:
        raise Invalid("Enter hours such as 09:00", "from", "hours-wrong") from bad


def days(first: str, last: str) -> tuple[date, date]:
    """The first and the last day of an absence."""
    found = day(first, "away_from"), day(last, "away_until")
    if found[1] < found[0]:
        raise Invalid("An absence must end after it begins", "away_until", "absence-order")
    return found


def rule(typed: str) -> Rule:
    """How the next member is chosen."""
    if typed not in list(Rule):
        raise Invalid("Choose one of the rules", "rule", "rule-wrong")
    return Rule(typed)


def day(typed: str, field: str) -> date:
    """A day, as browsers send it."""
    try:
        return date.fromisoformat(typed.strip())
    except ValueError as bad:
        raise Invalid("This is no day; choose it in the calendar", field, "day-wrong") from bad
