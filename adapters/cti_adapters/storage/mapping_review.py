"""The rows of the review room as plain classes (see ``mapping``); claims are there."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import Mapped

from cti_adapters.storage import schema_review
from cti_adapters.storage.mapping import Row, mapper
from cti_server.shared.scope import Kind, Label


class RequestRow(Row):
    """A contact record that a reviewer asked for (labelled)."""

    id: Mapped[int]
    call_id: Mapped[str]
    kind: Mapped[str]
    customer_code: Mapped[str | None]
    tier: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int | None]
    to: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]
    due_at: Mapped[float]
    note: Mapped[str]
    state: Mapped[str]
    closed_at: Mapped[float | None]
    closed_by: Mapped[str | None]
    history_id: Mapped[int | None]
    remind_at: Mapped[float | None]
    escalate_at: Mapped[float]
    reminded_at: Mapped[float | None]
    pressed_at: Mapped[float | None]
    escalated_at: Mapped[float | None]

    @property
    def label(self) -> Label:
        """What the scope rule asks."""
        return Label(cast(Kind, self.kind), self.branch, self.rep, self.confidentiality)


mapper.map_imperatively(RequestRow, schema_review.requests)
