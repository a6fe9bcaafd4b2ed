"""Branches, people, templates and exchanges for the desk (``cti_server.calls.ports.Firm``)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import func, or_, select

from cti_adapters.storage.core import chunks
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Branch, Exchange, Gap, Role, Template, UnreadableRow, User
from cti_server.calls.draft import LANGUAGES, checked_template
from cti_server.calls.ports import Colleague
from cti_server.calls.views import ExchangeRow, UnreadReason, UnreadRow
from cti_server.calls.views import Gap as GapView
from cti_server.shared import people
from cti_server.shared.errors import Invalid, SettingsError
from cti_server.shared.scope import Scope, Span

GAPS_MOST = 50
HANDLERS_MOST = 1_000


class FirmRepository:
    """What is ours: nothing of customers, so that no scope applies. Read once per unit of work."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session
        self._branches: dict[str, people.Branch] | None = None
        self._roles: dict[str, Role] | None = None
        self._known: dict[str, Colleague | None] = {}

    def branches(self) -> dict[str, people.Branch]:
        """All of them by code."""
        if self._branches is None:
            rows = self._session.scalars(select(Branch))
            self._branches = {row.code: people.Branch(row.code, row.name, row.timezone) for row in rows}
        return self._branches

    def colleagues(self, ids: Iterable[str]) -> dict[str, Colleague]:
        """Those who exist, by id."""
        wanted = set(ids)
        for some in chunks(wanted - self._known.keys()):
            self._known.update(dict.fromkeys(some))
            for row in self._session.scalars(select(User).where(User.id.in_(some))):
                self._known[row.id] = self._colleague(row)
        return {user: found for user in wanted if (found := self._known[user]) is not None}

    def handlers(self, branches: Iterable[str], ids: Iterable[str]) -> list[Colleague]:
        """Active users who may handle calls: those of the branches, those named, and those of every branch's span."""
        handling = [role for role in self._all_roles().values() if "handle" in role.rights]
        everywhere = [role.name for role in handling if role.span == Span.ALL]
        query = (
            select(User)
            .where(User.active.is_(True), User.role.in_([role.name for role in handling]))
            .where(or_(User.branch.in_(set(branches)), User.id.in_(set(ids)), User.role.in_(everywhere)))
            .order_by(User.kana, User.name, User.id)
            .limit(HANDLERS_MOST)
        )
        return [self._colleague(row) for row in self._session.scalars(query)]

    def people(self, branch: str | None) -> list[tuple[str, str]]:
        """(user, name) of the active users who may handle, of a branch or all, by kana."""
        handling = [role.name for role in self._all_roles().values() if "handle" in role.rights]
        query = select(User.id, User.name).where(User.active.is_(True), User.role.in_(handling))
        if branch is not None:
            query = query.where(User.branch == branch)
        return [(user, name or user) for user, name in self._session.execute(query.order_by(User.kana, User.id))]

    def template(self, branch: str, language: str) -> tuple[str, str] | None:
        """(subject, body) of the callback draft: the branch's own, else everybody's."""
        query = select(Template).where(Template.language == language, Template.branch.in_([branch, ""]))
        rows = {row.branch: row for row in self._session.scalars(query)}
        found = rows.get(branch) or rows.get("")
        return (found.subject, found.body) if found else None

    def gaps(self, since: float, branch: str | None) -> list[GapView]:
        """Gaps that lasted beyond ``since``, the latest first."""
        query = (
            select(Gap, Exchange.branch)
            .join(Exchange, Exchange.id == Gap.exchange)
            .where(or_(Gap.ended_at.is_(None), Gap.ended_at >= since))
            .order_by(Gap.started_at.desc())
            .limit(GAPS_MOST)
        )
        if branch is not None:
            query = query.where(Exchange.branch == branch)
        return [
            GapView(
                exchange=row.exchange,
                branch=code,
                branch_name=self._branch_name(code),
                started_at=row.started_at,
                ended_at=row.ended_at,
                reason=row.reason,
                source=row.source,
                recovered=row.recovered,
                completed=row.completed,
                unread=row.unread,
                problem=row.problem,
                problem_values=dict(row.problem_values),
                fetched_at=row.fetched_at,
                finished_at=row.finished_at,
            )
            for row, code in self._session.execute(query)
        ]

    def exchanges(self, branch: str | None) -> list[ExchangeRow]:
        """The exchanges' states."""
        query = select(Exchange).order_by(Exchange.branch, Exchange.id)
        if branch is not None:
            query = query.where(Exchange.branch == branch)
        return [
            ExchangeRow(
                id=row.id,
                name=row.name or row.id,
                kind=row.kind,
                branch=row.branch,
                branch_name=self._branch_name(row.branch),
                state=row.state,
                reason=row.reason,
                reason_values=dict(row.reason_values),
                since=row.since,
                connected_since=row.connected_since,
                last_event=row.last_event,
                counters=dict(row.counters),
            )
            for row in self._session.scalars(query)
        ]

    def unread_reasons(self, exchange: str) -> list[UnreadReason]:
        """Why records of an exchange could not be read, the most frequent first."""
        count = func.count().label("count")
        query = select(UnreadableRow.reason, count, func.max(UnreadableRow.at)).where(
            UnreadableRow.exchange == exchange
        )
        ordered = query.group_by(UnreadableRow.reason).order_by(count.desc(), UnreadableRow.reason)
        return [UnreadReason(*row) for row in self._session.execute(ordered)]

    def unread(self, exchange: str, limit: int) -> list[tuple[UnreadRow, bytes]]:
        """The last records of an exchange that could not be read, with their bytes."""
        columns = (
            UnreadableRow.record,
            UnreadableRow.number,
            UnreadableRow.at,
            UnreadableRow.reason,
            UnreadableRow.size,
            UnreadableRow.raw,
        )
        newest = (UnreadableRow.record.desc(), UnreadableRow.number.desc())
        query = select(*columns).where(UnreadableRow.exchange == exchange).order_by(*newest).limit(limit)
        return [(UnreadRow(exchange, *row[:-1]), row.raw) for row in self._session.execute(query)]

    def _branch_name(self, code: str) -> str:
        found = self.branches().get(code)
        return (found.name if found else "") or code

    def _all_roles(self) -> dict[str, Role]:
        if self._roles is None:
            self._roles = {role.name: role for role in self._session.scalars(select(Role))}
        return self._roles

    def _colleague(self, row: User) -> Colleague:
        role = self._all_roles()[row.role]
        scope = Scope(
            user=row.id,
            branch=row.branch,
            span=Span(role.span),
            classes=frozenset(role.classes),
            unregistered="unregistered" in role.rights,
            may_handle="handle" in role.rights,
        )
        return Colleague(row.id, row.name or row.id, row.branch, row.mail, scope, row.active)


def put_templates(session: GatedSession, path: Path) -> int:
    """Takes the callback templates of a file (``config/templates.toml``) over in place of those so far; returns how
    many there are. Raises SettingsError naming what can't be used."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as bad:
        raise SettingsError(f"the templates {path} can't be read: {bad}") from bad
    own = values.pop("branch", {})
    rows = [_template(path, "", language, entry) for language, entry in values.items()]
    rows += [_template(path, branch, language, entry) for branch, of in own.items() for language, entry in of.items()]
    for old in session.scalars(select(Template)):
        session.delete(old)
    session.flush()
    session.add_all(rows)
    session.flush()
    return len(rows)


def _template(path: Path, branch: str, language: str, entry: Any) -> Template:
    place = f"[branch.{branch}.{language}]" if branch else f"[{language}]"
    if language not in LANGUAGES:
        raise SettingsError(f"{path}: {place} is no language of the product; it has {', '.join(LANGUAGES)}")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("subject", "body")):
        raise SettingsError(f"{path}: {place} has to have a subject and a body, each a text")
    try:
        checked_template(entry["subject"] + entry["body"])
    except Invalid as bad:
        raise SettingsError(f"{path}: {place}: {bad}") from bad
    if "\n" in entry["subject"]:
        raise SettingsError(f"{path}: the subject of {place} is one line; take the line break out")
    return Template(branch=branch, language=language, subject=entry["subject"], body=entry["body"])
