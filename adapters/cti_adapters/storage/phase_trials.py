"""Trials of required items (``cti_server.phases.trials.TrialShelf``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from sqlalchemy import case, delete, func, insert, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping_phases import DealRow, StepRow, TrialPlaceRow, TrialRow, TrialSumRow
from cti_adapters.storage.phase_deals import DealShelf
from cti_adapters.storage.schema_phases import trial_sums
from cti_server.phases.trials import Place, State, Sums, Trial
from cti_server.phases.views import DealLine
from cti_server.shared.errors import Conflict


class TrialRows:
    """``cti_server.phases.trials.TrialShelf``."""

    def __init__(self, session: GatedSession, deals: DealShelf) -> None:
        self._session = session
        self._deals = deals

    # --- read

    def get(self, trial_id: int) -> Trial | None:
        """One of them."""
        row = self._session.get(TrialRow, trial_id)
        return None if row is None else _trial(row)

    def running(self, phase_id: int) -> Trial | None:
        """The one that runs in a phase."""
        return self._first(TrialRow.phase_id == phase_id, TrialRow.state == "running")

    def of_proposal(self, proposal_id: int) -> Trial | None:
        """The newest one that was begun by a proposal."""
        return self._first(TrialRow.proposal_id == proposal_id)

    def _first(self, *wanted: Any) -> Trial | None:
        row = self._session.scalars(select(TrialRow).where(*wanted).order_by(TrialRow.id.desc()).limit(1)).first()
        return None if row is None else _trial(row)

    def of_service(self, service_id: int, limit: int) -> list[Trial]:
        """A service's: those that run, then the newest."""
        order = (case((TrialRow.state == "running", 0), else_=1), TrialRow.id.desc())
        query = select(TrialRow).where(TrialRow.service_id == service_id).order_by(*order).limit(limit)
        return [_trial(row) for row in self._session.scalars(query)]

    def places(self, trial_id: int) -> dict[str, Place]:
        """Who is in which half."""
        rows = self._session.scalars(select(TrialPlaceRow).where(TrialPlaceRow.trial_id == trial_id))
        return {row.member: Place(row.cluster, row.optional) for row in rows}

    def optional_for(self, phase_id: int, member: str | None) -> int | None:
        """The item that a running trial makes optional for a member in a phase; null where there is none."""
        query = (
            select(TrialRow.item_id)
            .join(TrialPlaceRow, TrialPlaceRow.trial_id == TrialRow.id)
            .where(TrialRow.phase_id == phase_id, TrialRow.state == "running")
            .where(TrialPlaceRow.member == member, TrialPlaceRow.optional.is_(True))
        )
        return self._session.scalars(query).first() if member else None

    def sums(self, trial: Trial) -> list[Sums]:
        """What became of the deals within the scope: as it is now, or as it was when the trial ended."""
        if trial.state == "running":
            return _sums(self._session.execute, trial)
        columns = [getattr(TrialSumRow, name) for name in Sums._fields]
        query: Any = select(*columns).where(TrialSumRow.trial_id == trial.id)
        return [Sums(*row) for row in self._session.execute(query)]

    def deals(self, trial: Trial, optional: bool, limit: int) -> list[DealLine]:
        """The deals that came to a half since it began, as far as the scope reaches and as they stand now; newest
        first."""
        query = (
            select(StepRow.deal_id)
            .join(TrialPlaceRow, TrialPlaceRow.member == _BY_TIME)
            .where(TrialPlaceRow.trial_id == trial.id, TrialPlaceRow.optional.is_(optional))
            .where(StepRow.phase_id == trial.phase, StepRow.at >= trial.started_at)
            .where(StepRow.at < trial.ended_at if trial.ended_at is not None else true())
            .order_by(StepRow.deal_id.desc())
            .limit(limit)
        )
        return self._deals.lines(list(self._session.scalars(query)))

    # --- written

    def start(self, trial: Trial, places: Mapping[str, Place]) -> int:
        """Begins one; gives its id."""
        row = TrialRow(
            proposal_id=trial.proposal,
            service_id=trial.service,
            phase_id=trial.phase,
            item_id=trial.item,
            title=trial.title,
            seed=trial.seed,
            by_unit=trial.by_unit,
            state=trial.state,
            started_at=trial.started_at,
            started_by=trial.started_by,
        )
        self._session.add(row)
        self._flush()
        self._session.add_all(
            TrialPlaceRow(trial_id=row.id, member=user, cluster=place.cluster, optional=place.optional)
            for user, place in places.items()
        )
        self._session.flush()
        return row.id

    def put(self, trial: Trial) -> None:
        """Saves what became of one; Conflict where somebody else did. One that ended keeps its sums as they are now,
        of everybody's customers; one that runs again has none."""
        row = self._session.get_one(TrialRow, trial.id)
        if row.version != trial.version:
            raise Conflict("Somebody else changed this trial in the meantime; look at it again")
        row.state, row.reason = trial.state, trial.reason
        row.ended_at, row.ended_by = trial.ended_at, trial.ended_by
        self._flush()
        connection = system(self._session)
        connection.execute(delete(trial_sums).where(trial_sums.c.trial_id == trial.id))
        rows = [{"trial_id": trial.id, **one._asdict()} for one in _sums(connection.execute, trial)]
        if rows and trial.state != "running":
            connection.execute(insert(trial_sums), rows)

    def _flush(self) -> None:
        """Conflict where another trial of the phase began a moment ago: the database holds that there is one."""
        try:
            self._session.flush()
        except IntegrityError as bad:
            raise Conflict("Another trial runs in this phase; end that one first") from bad


_BY_TIME: Final = StepRow.member.concat("")
"""A step's member in a form that no index holds: a trial is read by when deals came to the phase, since few of all came
since it began."""


def _sums(execute: Callable[[Any], Any], trial: Trial) -> list[Sums]:
    """Of the deals that came to the trial's members since it began, as a gated session or the server's own connection
    sees them."""
    after = aliased(StepRow)
    through = or_(after.at.is_not(None), DealRow.through)
    lost = DealRow.state.in_(("lost", "cancelled"))
    left = func.coalesce(after.at, case((DealRow.state == "won", DealRow.closed_at)))
    amounts = (
        func.count(),
        func.sum(case((or_(through, lost), 1), else_=0)),
        func.sum(case((through, 1), else_=0)),
        func.count(left),
        func.sum(func.coalesce(left - StepRow.at, 0)),
        func.count(DealRow.worth),
        func.sum(func.coalesce(DealRow.worth, 0)),
    )
    key = (StepRow.member, DealRow.branch, DealRow.tier)
    query: Any = (
        select(*key, *amounts)
        .join(DealRow, DealRow.id == StepRow.deal_id)
        .join(TrialPlaceRow, TrialPlaceRow.member == _BY_TIME)
        .outerjoin(after, (after.deal_id == StepRow.deal_id) & (after.place == StepRow.place + 1))
        .where(TrialPlaceRow.trial_id == trial.id)
        .where(StepRow.phase_id == trial.phase, StepRow.at >= trial.started_at)
        .group_by(*key)
    )
    return [Sums._make((*row[:7], round(row[7]), *row[8:])) for row in execute(query)]


def _trial(row: TrialRow) -> Trial:
    return Trial(
        id=row.id,
        proposal=row.proposal_id,
        service=row.service_id,
        phase=row.phase_id,
        item=row.item_id,
        title=row.title,
        seed=row.seed,
        by_unit=row.by_unit,
        state=cast(State, row.state),
        started_at=row.started_at,
        started_by=row.started_by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        reason=row.reason,
        version=row.version,
    )
