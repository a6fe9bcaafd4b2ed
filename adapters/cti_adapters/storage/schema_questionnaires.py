"""Tables of questionnaires put to customers. Part of ``schema``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, Table, Text

from cti_adapters.storage.columns import flag, metadata, moment, text

questionnaires: Final = Table(
    "questionnaires",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # SHA-256 of the link's token, hexadecimal
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("phase_id", Integer, nullable=False),
    text("person"),
    text("language"),
    Column("items", JSON, nullable=False),
    flag("shows"),
    Column("made_by", Text, nullable=False),
    moment("made_at"),
    moment("expires"),
    moment("opened_at", nullable=True),
    moment("answered_at", nullable=True),
    moment("finished_at", nullable=True),
    moment("revoked_at", nullable=True),
)

questionnaire_answers: Final = Table(
    "questionnaire_answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("questionnaire_id", ForeignKey("questionnaires.id", ondelete="CASCADE"), nullable=False),
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", Integer, nullable=False),
    text("value"),
    moment("at"),
)
Index("ix_questionnaire_answers_deal", questionnaire_answers.c.deal_id, questionnaire_answers.c.id)
Index("ix_questionnaire_answers_link", questionnaire_answers.c.questionnaire_id)
