"""A lot of deals on its way from a file into the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cti_server.phases.cltv import Past
from cti_server.phases.deal_file import DealRow
from cti_server.phases.model import Deal, Member, Service, ValueChange
from cti_server.shared.scope import Label


@dataclass(frozen=True, slots=True)
class Known:
    """What rows of a file speak of, as far as it is there and the viewer sees it."""

    customers: Mapping[str, tuple[Label, str]]
    """Code -> its label, and the time zone of its branch."""
    there: frozenset[tuple[str, str]]
    """(number, customer) of deals that were brought in before."""
    users: frozenset[str]
    """Our people."""
    members: Mapping[str, Member]


class Bringing(NamedTuple):
    """A deal that is to be added (its id is not known yet): what it is called elsewhere, and what it is worth."""

    number: str
    label: Label
    """The customer's."""
    deal: Deal
    worth: ValueChange | None


class DealImportShelf(Protocol):
    """What importing asks of the database: a lot at a time."""

    def known(self, service: int, rows: Sequence[DealRow]) -> Known:
        """What these rows speak of."""

    def add(self, service: Service, deals: Sequence[Bringing], past: Past, by: str, at: float) -> None:
        """Adds deals with their paths, values and entries in the trail; the service's past contracts are ``past``
        then. Screens are told of the open ones."""
