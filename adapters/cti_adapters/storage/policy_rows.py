"""The policy's versions as every process reads them. A version never changes once it is there, so that what was read is
kept until there is a newer one."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, func, select

from cti_adapters.storage.core import Asked
from cti_adapters.storage.schema import branches
from cti_adapters.storage.schema_compliance import policies
from cti_server.compliance.business_hours import Calendar
from cti_server.compliance.versions import FIRST, Version, from_json, in_force

ZONE: Final = "Asia/Tokyo"
"""Of a branch that the settings don't name."""

_LATEST: Final = Asked(select(func.max(policies.c.version)), [])
_ALL: Final = Asked(
    select(
        policies.c.version, policies.c.since, policies.c.at, policies.c.by, policies.c.note, policies.c.body
    ).order_by(policies.c.version),
    [],
)
_ZONES: Final = Asked(select(branches.c.code, branches.c.timezone), [])
_READ: Final[WeakKeyDictionary[Any, tuple[int | None, list[Version]]]] = WeakKeyDictionary()
"""By the pool of connections, which is a database's."""


def versions(connection: Connection) -> list[Version]:
    """All of them by number, that of a new installation first."""
    (latest,) = next(_LATEST.rows(connection))
    pool = connection.engine.pool
    kept = _READ.get(pool)
    if kept is None or kept[0] != latest:
        made = [FIRST]
        made += [
            Version(row.version, from_json(row.body), row.since, row.at, row.by, note=row.note)
            for row in _ALL.rows(connection)
        ]
        kept = _READ[pool] = (latest, made)
    return kept[1]


class InForce:
    """What holds for calls, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._versions = versions(connection)
        self._zones = {row.code: row.timezone for row in _ZONES.rows(connection)}
        self._calendars: dict[tuple[int, str], Calendar] = {}

    def version(self, began_at: float) -> Version:
        """That holds for a call that began then (epoch seconds, UTC)."""
        return in_force(self._versions, began_at)

    def calendar(self, version: Version, branch: str) -> Calendar:
        """The business hours of a branch."""
        key = (version.number, branch)
        if key not in self._calendars:
            self._calendars[key] = version.policy.calendar(branch, self._zones.get(branch) or ZONE)
        return self._calendars[key]
