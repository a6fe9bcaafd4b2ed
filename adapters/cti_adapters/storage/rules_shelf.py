"""The rules, exemptions and saved views of compliance (``cti_server.compliance.ports``), within the scope of a
session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError

from cti_adapters.storage.compliance_rows import ExemptionRow, PolicyRow, RecountRow, ViewRow
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Outbox
from cti_adapters.storage.policy_rows import versions
from cti_adapters.storage.sighting import stored_sights
from cti_adapters.storage.standing_rows import restand
from cti_server.compliance.exemptions import Exemption, State
from cti_server.compliance.saved_views import SavedView
from cti_server.compliance.versions import Version, as_json
from cti_server.compliance.views import Recount
from cti_server.shared.errors import Conflict, NotFound
from cti_server.shared.notices import WorkChanged
from cti_server.shared.places import Place
from cti_server.shared.scope import Span


class PolicyShelf:
    """``cti_server.compliance.ports.Policies``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def versions(self) -> list[Version]:
        """All of them by number, that of a new installation first."""
        found = versions(system(self._session, writes=False))
        known = self._firm.colleagues({one.by for one in found if one.by})
        return [replace(one, by_name=known[one.by].name if one.by in known else one.by) for one in found]

    def add(self, version: Version) -> None:
        """Keeps a new version. Raises Conflict where somebody else saved one meanwhile."""
        body = as_json(version.policy)
        row = PolicyRow(version=version.number, since=version.since, at=version.at, by=version.by, note=version.note)
        row.body = body
        self._session.add(row)
        try:
            self._session.flush()
        except IntegrityError as bad:
            raise Conflict("Somebody else changed the rules in the meantime; look at them again") from bad

    def ask_recount(self, since: float, at: float) -> None:
        """Past calls have to be looked at again."""
        self._session.add(RecountRow(since=since, why="rules", asked_at=at))

    def pending_recount(self) -> Recount | None:
        """The first that isn't finished."""
        query = select(RecountRow).where(RecountRow.finished_at.is_(None)).order_by(RecountRow.id).limit(1)
        row = self._session.scalars(query).one_or_none()
        return None if row is None else Recount(row.id, row.why, row.since, row.asked_at, row.done)

    def note(self, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail what was done with the rules."""
        about = {"subject_kind": "rules", "subject_id": "compliance"}
        self._session.add(Audit(at=at, user=by, act=act, detail=dict(detail), **about))


class ExemptionShelf:
    """``cti_server.compliance.ports.Exemptions``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def get(self, exemption_id: int) -> Exemption | None:
        """One of them."""
        return next(iter(self._found(select(ExemptionRow).where(ExemptionRow.id == exemption_id))), None)

    def of_call(self, call_id: str) -> list[Exemption]:
        """The latest first."""
        mine = select(ExemptionRow).where(ExemptionRow.call_id == call_id)
        return self._found(mine.order_by(ExemptionRow.id.desc()))

    def page(self, state: str, after: Place | None, limit: int) -> tuple[list[Exemption], Place | None]:
        """The latest first; an empty state: all."""
        query = select(ExemptionRow).order_by(ExemptionRow.id.desc()).limit(limit + 1)
        if state:
            query = query.where(ExemptionRow.state == state)
        if after is not None:
            query = query.where(ExemptionRow.id < after.id)
        found = self._found(query)
        more, found = len(found) > limit, found[:limit]
        return found, Place(found[-1].asked_at, found[-1].id) if more else None

    def asked(self, most: int) -> int:
        """How many wait for a decision, up to ``most``."""
        some = select(ExemptionRow.id).where(ExemptionRow.state == "asked").limit(most).subquery()
        return int(self._session.execute(select(func.count()).select_from(some)).scalar_one())

    def ask(self, call_id: str, reason: str, by: str, at: float) -> int:
        """Keeps a new one."""
        row = ExemptionRow(call_id=call_id, reason=reason, state="asked", asked_by=by, asked_at=at)
        self._session.add(row)
        self._session.flush()
        self._tell(call_id, at)
        return row.id

    def decide(self, exemption_id: int, state: State, by: str, at: float, answer: str) -> None:
        """Approves, refuses or takes it back; the call stands otherwise from now on."""
        row = self._session.scalars(select(ExemptionRow).where(ExemptionRow.id == exemption_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such exemption")
        row.state, row.decided_by, row.decided_at, row.answer = state, by, at, answer
        restand(system(self._session), [row.call_id])
        self._tell(row.call_id, at)

    def note(self, call_id: str, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the call's trail."""
        about = {"subject_kind": "call", "subject_id": call_id}
        self._session.add(Audit(at=at, user=by, act=act, detail=dict(detail), **about))

    def _tell(self, call_id: str, at: float) -> None:
        """Screens that count the call fetch their counts again."""
        seen = stored_sights(system(self._session), [call_id])
        labels = tuple(dict.fromkeys(one.label for one in seen.get(call_id, [])))
        self._session.add(Outbox(kind="work", body=work_body(WorkChanged(labels, (call_id,), ())), at=at))

    def _found(self, query: Select[ExemptionRow]) -> list[Exemption]:
        rows = list(self._session.scalars(query))
        people = {user for row in rows for user in (row.asked_by, row.decided_by) if user}
        known = {user: one.name for user, one in self._firm.colleagues(people).items()}
        return [
            Exemption(
                row.id,
                row.call_id,
                row.reason,
                row.state,
                row.asked_by,
                row.asked_at,
                row.decided_by or "",
                row.decided_at,
                row.answer,
                known.get(row.asked_by, row.asked_by),
                known.get(row.decided_by or "", row.decided_by or ""),
            )
            for row in rows
        ]


class ViewShelf:
    """``cti_server.compliance.ports.SavedViews``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def all(self) -> list[SavedView]:
        """The user's own and those that are shared, by name."""
        query = select(ViewRow).where(ViewRow.shared.is_(True) | (ViewRow.user == self._session.scope.user))
        rows = list(self._session.scalars(query.order_by(ViewRow.name, ViewRow.id)))
        known = {user: one.name for user, one in self._firm.colleagues({row.user for row in rows}).items()}
        return [
            SavedView(
                row.id,
                row.user,
                known.get(row.user, row.user),
                row.name,
                row.address,
                row.shared,
                Span(row.span),
                row.branch,
                frozenset(row.classes),
            )
            for row in rows
        ]

    def save(self, view: SavedView, at: float) -> int:
        """Keeps one; that of the same user and name is replaced."""
        same = select(ViewRow).where(ViewRow.user == view.user, ViewRow.name == view.name)
        row = self._session.scalars(same).one_or_none() or ViewRow(user=view.user, name=view.name)
        row.address, row.shared, row.at = view.address, view.shared, at
        row.span, row.branch, row.classes = str(view.span), view.branch, sorted(view.classes)
        self._session.add(row)
        self._session.flush()
        return row.id

    def delete(self, view_id: int) -> None:
        """Forgets one."""
        for row in self._session.scalars(select(ViewRow).where(ViewRow.id == view_id)):
            self._session.delete(row)
