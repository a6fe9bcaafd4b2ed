"""The rows of questionnaires as plain classes (see ``mapping``)."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from cti_adapters.storage import schema_questionnaires as schema
from cti_adapters.storage.mapping import Row, mapper


class QuestionnaireRow(Row):
    """A link for somebody at a customer."""

    id: Mapped[int]
    key: Mapped[str]
    deal_id: Mapped[int]
    phase_id: Mapped[int]
    person: Mapped[str]
    language: Mapped[str]
    items: Mapped[list[int]]
    shows: Mapped[bool]
    made_by: Mapped[str]
    made_at: Mapped[float]
    expires: Mapped[float]
    opened_at: Mapped[float | None]
    answered_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    revoked_at: Mapped[float | None]


class GivenRow(Row):
    """An answer under a link."""

    id: Mapped[int]
    questionnaire_id: Mapped[int]
    deal_id: Mapped[int]
    item_id: Mapped[int]
    value: Mapped[str]
    at: Mapped[float]


mapper.map_imperatively(QuestionnaireRow, schema.questionnaires)
mapper.map_imperatively(GivenRow, schema.questionnaire_answers)
