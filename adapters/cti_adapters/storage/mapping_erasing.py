"""The rows of erasing as plain classes (see ``mapping``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from cti_adapters.storage import schema_erasing as schema
from cti_adapters.storage.mapping import Row, mapper
from cti_server.shared.scope import Label


class ErasureRow(Row):
    """A person who is to be erased, or was (labelled)."""

    id: Mapped[int]
    customer_code: Mapped[str | None]
    tier: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int]
    reason: Mapped[str]
    state: Mapped[Any]
    asked_by: Mapped[str]
    asked_at: Mapped[float]
    decided_by: Mapped[str | None]
    decided_at: Mapped[float | None]
    answer: Mapped[str]
    calls: Mapped[int]

    @property
    def label(self) -> Label:
        """Whose business it is."""
        return Label("customer", self.branch, self.rep, self.confidentiality)


class HoldRow(Row):
    """A legal hold (labelled as its customer is)."""

    id: Mapped[int]
    customer_code: Mapped[str]
    reason: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]
    ended_by: Mapped[str | None]
    ended_at: Mapped[float | None]
    end_reason: Mapped[str]


mapper.map_imperatively(ErasureRow, schema.erasures)
mapper.map_imperatively(HoldRow, schema.holds)
