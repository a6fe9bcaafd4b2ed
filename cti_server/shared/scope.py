"""Who may see what: the one rule of the product (spec C4). Everything that shows, counts, sends or logs asks it.

The database gate (``cti_adapters.storage.gate``) says the same rule in SQL; a property test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Span(StrEnum):
    """How far a role reaches: the user's own customers, the user's branch, or every branch."""

    OWN = "own"
    BRANCH = "branch"
    ALL = "all"


Kind = Literal["customer", "unregistered", "internal"]


@dataclass(frozen=True, slots=True)
class Label:
    """What the rule needs to know of a record.

    ``customer``: ``branch`` and ``rep`` are the customer's, ``confidentiality`` its class (1 = most confidential).
    ``unregistered``: a caller that matches nobody; ``branch`` is that of the exchange, ``rep`` is null.
    ``internal``: a call between extensions; ``branch`` is that of the exchange, ``rep`` the user who dialled.
    """

    kind: Kind
    branch: str
    rep: str | None = None
    confidentiality: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What one user may see. ``classes`` are the customer classes within the user's limit."""

    user: str
    branch: str
    span: Span
    classes: frozenset[int]
    unregistered: bool = False
    may_handle: bool = False
    everything: bool = False
    stands_in: frozenset[tuple[str, int]] = frozenset()
    """(user, class): while one stands in for an absent colleague, the customers of these classes that the colleague is
    in charge of count as one's own. Only classes within both their limits are here (``identity.standing_in``)."""

    @property
    def absent(self) -> frozenset[str]:
        """The colleagues for whom the user stands in."""
        return frozenset(user for user, _class in self.stands_in)

    def owns(self, label: Label) -> bool:
        """Whether a record is the user's own, or that of somebody for whom they stand in."""
        return label.rep is not None and (
            label.rep == self.user
            or (label.kind == "customer" and (label.rep, label.confidentiality) in self.stands_in)
        )

    @property
    def sees_everybody(self) -> bool:
        """Whether no customer and no caller lies outside of it."""
        return self.everything or (self.span is Span.ALL and self.classes >= {1, 2, 3} and self.unregistered)

    def admits(self, label: Label) -> bool:
        """Whether a record with this label exists for the user. What is not admitted reads as not found.

        An unregistered caller has no rep in charge, so a role of span *own* reaches those of its own branch.
        """
        if self.everything:
            return True
        in_span = self.span is Span.ALL or (self.span is Span.BRANCH and label.branch == self.branch)
        if label.kind == "unregistered":
            return self.unregistered and (in_span or label.branch == self.branch)
        if label.kind == "customer" and label.confidentiality not in self.classes:
            return False
        return in_span or self.owns(label)

    def needs_number(self, label: Label) -> bool:
        """Whether the user needs the whole telephone number of what they may see; everybody else gets it masked.

        The rep in charge does, who stands in for them, and whoever deals with unregistered callers; a view-only user
        never does.
        """
        if self.everything:
            return True
        return self.may_handle and (label.kind != "customer" or self.owns(label))


EVERYTHING = Scope(
    user="", branch="", span=Span.ALL, classes=frozenset({1, 2, 3}), unregistered=True, may_handle=True, everything=True
)
"""For the server's own work (folding, matching, imports). Never for a page, a stream or an export."""
