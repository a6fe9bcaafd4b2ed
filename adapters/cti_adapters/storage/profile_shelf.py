"""Profiles that were saved on a page: every version of each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Audit, Outbox, ProfileVersion, UnreadableRow
from cti_server.exchanges.profiles import CHANGED_MEANWHILE, SavedProfile
from cti_server.shared.errors import Conflict

SAMPLE: Final = 50
PROFILE_ROW: Final = "profile"
"""Kind of the outbox row that a saving leaves."""
_other: Final = aliased(ProfileVersion)
_HOLDING: Final = (
    select(ProfileVersion)
    .where(
        ProfileVersion.source != "",
        ProfileVersion.version
        == select(func.max(_other.version)).where(_other.name == ProfileVersion.name).scalar_subquery(),
    )
    .order_by(ProfileVersion.name)
)


def own_profiles(connection: Connection) -> dict[str, str]:
    """Name -> text of each profile that was saved."""
    return {row.name: row.source for row in connection.execute(_HOLDING)}


class ProfileShelf:
    """``cti_server.exchanges.profiles.ProfileShelf`` over a unit of work. A profile tells of a make, of no customer, so
    that the gate has no rule for it."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def all(self) -> list[SavedProfile]:
        """The newest version of each, by name; without those that were removed."""
        return [_saved(row) for row in self._session.scalars(_HOLDING)]

    def versions(self, name: str) -> list[SavedProfile]:
        """All versions of one, the newest first; none: there is no such profile."""
        rows = self._session.scalars(
            select(ProfileVersion).where(ProfileVersion.name == name).order_by(ProfileVersion.version.desc())
        )
        return [_saved(row) for row in rows]

    def put(self, profile: SavedProfile) -> None:
        """Keeps a version, in the trail too. Raises Conflict where that one exists already."""
        self._session.add(ProfileVersion(**profile._asdict()))
        self._session.add(Outbox(kind=PROFILE_ROW, body={"profile": profile.name}, at=profile.at))
        self._session.add(
            Audit(
                at=profile.at,
                user=profile.by,
                act="removed" if profile.removed else "saved",
                subject_kind="profile",
                subject_id=profile.name,
                detail={"version": profile.version},
            )
        )
        try:
            self._session.flush()
        except IntegrityError as bad:
            raise Conflict(CHANGED_MEANWHILE) from bad

    def unread(self, exchange: str) -> int:
        """How much is kept of an exchange that could not be read."""
        query = select(func.count()).select_from(UnreadableRow).where(UnreadableRow.exchange == exchange)
        return self._session.scalar(query) or 0

    def unread_sample(self, exchange: str) -> bytes:
        """The latest of it, a record a line."""
        return unread_sample(self._session, exchange)


def unread_sample(session: GatedSession | Connection, exchange: str) -> bytes:
    """The latest that could not be read of an exchange, the oldest of it first, a record a line."""
    newest = (UnreadableRow.record.desc(), UnreadableRow.number.desc())
    query = select(UnreadableRow.raw).where(UnreadableRow.exchange == exchange).order_by(*newest).limit(SAMPLE)
    return b"\n".join(reversed([raw for (raw,) in session.execute(query)]))


def _saved(row: ProfileVersion) -> SavedProfile:
    return SavedProfile(row.name, row.version, row.at, row.by, row.source)
