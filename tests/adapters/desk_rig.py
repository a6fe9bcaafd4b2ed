"""A small firm with calls in its database, and its people at their desks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cti_adapters.storage import mapping
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.desk_firm import put_templates
from cti_adapters.storage.work import Database
from cti_server.calls.desk import Desk
from cti_server.calls.log import CallLog
from cti_server.identity.accounts import ROLES
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING, Scope, Span
from cti_server.shared.viewer import Right, Viewer
from tests.adapters.storage_rig import NOW, FixedClock, make_database, put

TEMPLATES = Path(__file__).parents[2] / "config" / "templates.toml"
ROLE = {role.name: role for role in ROLES}


class Office:
    """A database, a clock, and desks over it."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.clock = FixedClock(NOW)
        self.writer = CallWriter(self.database.engine, self.clock)
        self._record = 0
        with self.database.open(EVERYTHING) as work:
            put_templates(work.session, TEMPLATES)

    def put(self, *rows: Any) -> None:
        put(self.database, *rows)

    def rings(self, *logs: CallLog) -> None:
        """The exchange reports these calls."""
        self._record += 100
        position = Position(self._record, 0)
        self.writer.commit("hq", list(logs), [], [], position, position)

    @contextmanager
    def desk(self, viewer: Viewer) -> Iterator[Desk]:
        """A desk in a unit of work of its own."""
        with self.database.open(viewer.scope) as work:
            yield Desk(work, viewer, self.clock)

    def outbox(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the rows that wait for the daemon."""
        with self.database.open(EVERYTHING) as work:
            rows = work.session.query(mapping.Outbox).order_by(mapping.Outbox.id)
            return [row.body for row in rows if row.kind == kind]

    def trail(self, act: str) -> list[mapping.Audit]:
        """The entries of the trail with this act."""
        with self.database.open(EVERYTHING) as work:
            rows = work.session.query(mapping.Audit).order_by(mapping.Audit.id)
            return [row for row in rows if row.act == act]


def viewer(
    user: str = "801",
    role: str = "rep",
    branch: str = "121",
    *,
    extensions: tuple[tuple[str, str], ...] = (("hq", "2001"),),
    **more: Any,
) -> Viewer:
    """A signed-in user in one of the firm's roles."""
    known = ROLE[role]
    seen = Viewer(
        id=user,
        login=user,
        name=f"name {user}",
        branch=branch,
        branch_name={"121": "本店営業部", "122": "横浜支店"}[branch],
        role=role,
        scope=known.scope(user, branch),
        rights=known.rights,
        extensions=extensions,
    )
    return replace(seen, **more)


def with_scope(user: str, branch: str, span: Span, classes: set[int], rights: set[Right], **more: Any) -> Viewer:
    """A user of a role that an administrator made up."""
    scope = Scope(user, branch, span, frozenset(classes), "unregistered" in rights, "handle" in rights)
    return replace(viewer(user, branch=branch), scope=scope, rights=frozenset(rights), role="other", **more)
