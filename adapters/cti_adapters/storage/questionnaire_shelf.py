"""Questionnaires in the database (``cti_server.phases.questionnaires.QuestionnaireShelf``), within the scope."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Branch, Customer
from cti_adapters.storage.mapping_questionnaires import GivenRow, QuestionnaireRow
from cti_server.phases.model import Deal
from cti_server.phases.questionnaires import Given, Link


class QuestionnaireShelf:
    """Links and answers."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def by_key(self, key: str) -> Link | None:
        """One by the SHA-256 of its token."""
        row = self._session.scalars(select(QuestionnaireRow).where(QuestionnaireRow.key == key)).one_or_none()
        return None if row is None else _link(row)

    def of_deal(self, deal_id: int) -> list[Link]:
        """A deal's, newest first."""
        query = select(QuestionnaireRow).where(QuestionnaireRow.deal_id == deal_id)
        return [_link(row) for row in self._session.scalars(query.order_by(QuestionnaireRow.id.desc()))]

    def add(self, link: Link, key: str) -> int:
        """Keeps a new one; gives its id."""
        row = QuestionnaireRow(
            key=key,
            deal_id=link.deal,
            phase_id=link.phase,
            person=link.person,
            language=link.language,
            items=list(link.items),
            shows=link.shows,
            made_by=link.made_by,
            made_at=link.made_at,
            expires=link.expires,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def put(self, link: Link) -> None:
        """Saves when it was opened, answered, finished or taken back."""
        row = self._session.get_one(QuestionnaireRow, link.id)
        row.opened_at, row.answered_at = link.opened_at, link.answered_at
        row.finished_at, row.revoked_at = link.finished_at, link.revoked_at

    def given(self, deal_id: int) -> list[Given]:
        """All answers of a deal, newest first."""
        query = select(GivenRow).where(GivenRow.deal_id == deal_id).order_by(GivenRow.id.desc())
        return [
            Given(row.id, row.questionnaire_id, row.item_id, row.value, row.at) for row in self._session.scalars(query)
        ]

    def give(self, link: Link, values: Mapping[int, str], at: float) -> None:
        """Keeps answers."""
        self._session.add_all(
            GivenRow(questionnaire_id=link.id, deal_id=link.deal, item_id=item, value=value, at=at)
            for item, value in values.items()
        )
        self._session.flush()

    def count(self, link_id: int) -> int:
        """How many answers came under a link."""
        query = select(func.count(GivenRow.id)).where(GivenRow.questionnaire_id == link_id)
        return self._session.execute(query).scalar_one()

    def branch_name(self, deal: Deal) -> str:
        """The name of the branch of a deal's customer."""
        query = select(Branch.name).join(Customer, Customer.branch == Branch.code).where(Customer.code == deal.customer)
        return self._session.execute(query).scalar_one_or_none() or ""


def _link(row: QuestionnaireRow) -> Link:
    return Link(
        row.id,
        row.deal_id,
        row.phase_id,
        row.person,
        row.language,
        tuple(row.items),
        row.shows,
        row.made_by,
        row.made_at,
        row.expires,
        row.opened_at,
        row.answered_at,
        row.finished_at,
        row.revoked_at,
    )
