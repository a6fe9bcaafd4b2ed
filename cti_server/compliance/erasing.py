"""Erasing a person, and holding their records back from it (spec/50). One reviewer asks and says why, another one
erases; a legal hold stands against both. What stays proves that calls took place, and names nobody."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, Protocol

from cti_server.shared.errors import Conflict, Invalid
from cti_server.shared.places import Place
from cti_server.shared.scope import Label

State = Literal["asked", "erased", "refused", "withdrawn"]

Prove = Callable[[str, float, "str | None"], str]
"""(call, when it began, number) -> the proof that it took place (`proof`)."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person who is to be erased, or was. Times are epoch seconds, UTC. ``customer`` is empty once erased."""

    id: int
    customer: str
    name: str
    """As it is now; empty once erased."""
    reason: str
    state: State
    asked_by: str
    asked_at: float
    decided_by: str = ""
    decided_at: float | None = None
    answer: str = ""
    calls: int = 0
    """So many calls were theirs alone: they name nobody any more."""
    asked_by_name: str = ""
    decided_by_name: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Records of a customer that must not go, whatever retention or an erasure says."""

    id: int
    customer: str
    name: str
    reason: str
    by: str
    at: float
    ended_by: str = ""
    ended_at: float | None = None
    end_reason: str = ""
    by_name: str = ""
    ended_by_name: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as far as the decision goes."""

    code: str
    name: str
    label: Label
    open_deals: int
    held: bool


class ErasureShelf(Protocol):
    """Erasures and holds within the scope."""

    def person(self, code: str) -> Person | None:
        """A customer."""

    def get(self, erasure_id: int) -> Erasure | None:
        """One of them."""

    def page(self, state: str, after: Place | None, limit: int) -> tuple[list[Erasure], Place | None]:
        """The latest first; an empty state: all."""

    def asked_of(self, code: str) -> bool:
        """Whether one is asked for."""

    def ask(self, person: Person, reason: str, by: str, at: float) -> int:
        """Keeps a new one."""

    def decide(self, erasure_id: int, state: State, by: str, at: float, answer: str) -> None:
        """Refuses it, or takes it back."""

    def erase(self, erasure_id: int, by: str, at: float, prove: Prove) -> None:
        """Erases the person, in this transaction."""

    def holds(self, limit: int) -> list[Hold]:
        """Those that hold, then those that ended; the latest first."""

    def hold(self, person: Person, reason: str, by: str, at: float) -> int:
        """Keeps a new hold."""

    def hold_of(self, hold_id: int) -> Hold | None:
        """One that holds."""

    def end_hold(self, hold_id: int, by: str, at: float, reason: str) -> None:
        """It holds no more."""

    def note(self, code: str, by: str, at: float, act: str, detail: dict[str, object]) -> None:
        """Adds to the customer's trail."""


def check_decision(erasure: Erasure, user: str) -> None:
    """Whether this user may erase or refuse. Raises Invalid or Conflict with a sentence where not."""
    if erasure.state != "asked":
        raise Conflict("This was decided already; look at it again")
    if erasure.asked_by == user:
        raise Invalid("You asked for this yourself; a second person has to decide about it", "approve", "own-erasure")


def check_person(person: Person) -> None:
    """Whether a person can be erased now. Raises Conflict with a sentence where not."""
    if person.held:
        raise Conflict("A legal hold stands against this; it has to end first")
    if person.open_deals:
        raise Conflict("Deals with this customer are open; end them first")


def check_over(going_on: bool) -> None:
    """Whether none of their calls is going on. Raises Conflict with a sentence where one is."""
    if going_on:
        raise Conflict("The customer is on the telephone just now; wait until the call is over")


FORM: Final = "yobirin call 1"


def proof(key: bytes, call: str, began_at: float, number: str | None) -> str:
    """What stays of an erased call: HMAC-SHA-256 over its id, its beginning and its number (E.164). Whoever has the
    number can have it looked up (`cti erasure check`); whoever has the database alone can't find the number by
    trying, since the key is not in it."""
    said = json.dumps([FORM, call, began_at, number], separators=(",", ":")).encode()
    return hmac.new(key, said, sha256).hexdigest()
