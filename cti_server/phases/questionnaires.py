"""Questionnaires: input items put to the customer under a link (spec P6, terms). The rule of who may answer what, and
until when.

A link is for one person at the customer; several have one each, for the items that they know of. Whoever has the link
needs nothing else, so it holds 192 random bits, is kept as its SHA-256 alone, and ends: by its day, by being taken
back, and with the phase that it asks for.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from cti_server.phases.model import Answer, Deal, InputItem, Phase

LinkState = Literal["made", "opened", "answered", "finished", "expired", "revoked", "ended"]
TOKEN_BYTES: Final = 24
MOST_LINKS: Final = 20
"""Links of one deal that can be answered at a time."""
MOST_ANSWERS: Final = 500
"""Answers that one link takes, with all changes: nobody fills a database by one."""
LONGEST_DAYS: Final = 90
LONGEST_PERSON: Final = 80


@dataclass(frozen=True, slots=True)
class Link:
    """A link for one person. ``items``: the input items it asks for; ``shows``: whether what is known already is shown
    in them; times are epoch seconds, UTC."""

    id: int
    deal: int
    phase: int
    person: str
    language: str
    items: tuple[int, ...]
    shows: bool
    made_by: str
    made_at: float
    expires: float
    opened_at: float | None = None
    answered_at: float | None = None
    finished_at: float | None = None
    revoked_at: float | None = None

    @property
    def author(self) -> str:
        """Who an answer under it is by, where users stand otherwise."""
        return f"{AUTHOR}{self.id}"


AUTHOR: Final = "link:"
"""What the author of a customer's answer begins with; no user's id does, since it holds a colon."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that came under a link."""

    id: int
    link: int
    item: int
    value: str
    at: float


@dataclass(frozen=True, slots=True)
class Offered:
    """What a customer answered, where the input item says something else by now."""

    answer: Given
    person: str


@dataclass(frozen=True, slots=True)
class Form:
    """What who opens a link sees. ``values``: what stands in the items."""

    link: Link
    firm: str
    """The branch of the customer."""
    service: str
    items: Sequence[InputItem]
    values: Mapping[int, str]
    state: LinkState
    phase: Phase | None = None
    """With its introduction; null where nothing is asked any more."""


class QuestionnaireShelf(Protocol):
    """Links and answers, within the scope of a transaction."""

    def by_key(self, key: str) -> Link | None:
        """One by the SHA-256 of its token."""

    def of_deal(self, deal_id: int) -> list[Link]:
        """A deal's, newest first."""

    def add(self, link: Link, key: str) -> int:
        """Keeps a new one; gives its id."""

    def put(self, link: Link) -> None:
        """Saves when it was opened, answered, finished or taken back."""

    def given(self, deal_id: int) -> list[Given]:
        """All answers of a deal, newest first."""

    def give(self, link: Link, values: Mapping[int, str], at: float) -> None:
        """Keeps answers."""

    def count(self, link_id: int) -> int:
        """How many answers came under a link."""

    def branch_name(self, deal: Deal) -> str:
        """The name of the branch of a deal's customer."""


def new_token() -> str:
    """A link's secret."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_key(token: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def state(link: Link, deal: Deal, now: float) -> LinkState:
    """How a link stands: ended with its phase, taken back, over, or as far as its person came."""
    if link.revoked_at is not None:
        return "revoked"
    if deal.state != "open" or deal.phase != link.phase:
        return "ended"
    if now >= link.expires:
        return "expired"
    if link.finished_at is not None:
        return "finished"
    if link.answered_at is not None:
        return "answered"
    return "made" if link.opened_at is None else "opened"


def takes_answers(stands: LinkState) -> bool:
    """Whether somebody may answer under it; who has finished may still change it."""
    return stands in ("made", "opened", "answered", "finished")


def asked(link: Link, phase: Phase, deal: Deal) -> list[InputItem]:
    """The items of a link that there still are."""
    return [item for item in phase.items if item.id in link.items and item.concerns(deal.size)]


def shown(link: Link, answers: Mapping[int, Answer], given: Sequence[Given]) -> dict[int, str]:
    """What stands in the items for a link's person: what they said last; else, where the link shows it, what is known.
    What others said or a rep typed is nothing that a link tells of by itself."""
    values = {item: answers[item].value for item in link.items if link.shows and item in answers}
    for one in reversed([one for one in given if one.link == link.id]):
        values[one.item] = one.value
    return values


def settles(before: Answer | None) -> bool:
    """Whether a customer's answer becomes an item's value by itself: where it is empty, or what a customer said."""
    return before is None or not before.value or before.by.startswith(AUTHOR)


def offered(answers: Mapping[int, Answer], given: Sequence[Given], people: Mapping[int, str]) -> dict[int, Offered]:
    """Where the customer's latest answer (``given``: newest first) says something else than the item, by item: a rep
    chooses. Who changes the item after it came has chosen."""
    latest: dict[int, Given] = {}
    for one in given:
        latest.setdefault(one.item, one)
    found = {}
    for item, one in latest.items():
        known = answers.get(item)
        if one.value and (known is None or (one.value != known.value and one.at >= known.at)):
            found[item] = Offered(one, people[one.link])
    return found
