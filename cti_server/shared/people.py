"""The people of the product: customers and the firm's own users."""

from __future__ import annotations

from dataclasses import dataclass, field

from cti_server.shared.scope import Label


@dataclass(slots=True)
class Customer:
    """A registered customer. ``confidentiality`` is the class, 1 to 3, 1 being the most confidential (spec, Terms)."""

    code: str
    name: str
    branch: str
    rep: str | None
    confidentiality: int
    kana: str = ""
    address: str = ""
    mail: str = ""
    language: str = "ja"
    notes: str = ""
    numbers: list[CustomerNumber] = field(default_factory=list)
    created_at: float = 0.0
    version: int = 1

    @property
    def label(self) -> Label:
        """The customer's label for the scope rule."""
        return Label("customer", self.branch, self.rep, self.confidentiality)


@dataclass(slots=True)
class CustomerNumber:
    """One telephone number of a customer. ``e164`` is the key of every look-up; ``shown`` is as it was entered."""

    e164: str
    shown: str
    kind: str = "other"
    """``landline``, ``mobile`` or ``other``."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of the firm; ``timezone`` is an IANA name, in which its pages show times."""

    code: str
    name: str
    timezone: str = "Asia/Tokyo"
