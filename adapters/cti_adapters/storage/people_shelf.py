"""Users in lists, for who looks after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import func, or_, select

from cti_adapters.storage import gate, mapping
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.schema import branches, roles, sessions, users
from cti_adapters.storage.schema_signin import second_factors
from cti_adapters.storage.signed_in import role_of, user_of
from cti_server.identity.accounts import Role, User
from cti_server.identity.people_ports import Listed, Reach, WantedUsers
from cti_server.shared.scope import Scope, Span


class PeopleShelf:
    """``cti_server.identity.people_ports.PeopleRows`` over a unit of work. Users are nobody's customers: the gate has
    no rule for them, who looks after whom is decided in the room."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session
        self._reaches: dict[Scope, Reach] = {}

    def listed(
        self, wanted: WantedUsers, reach: str | None, roles: Sequence[str], after: str, most: int
    ) -> Sequence[Listed]:
        """In the order of their ids, after one; only those of the given roles."""
        seen = select(func.max(sessions.c.seen)).where(sessions.c.user == users.c.id).scalar_subquery()
        query = (
            select(users, branches.c.name.label("branch_name"), seen.label("seen"), second_factors.c.since)
            .join(branches, branches.c.code == users.c.branch)
            .outerjoin(second_factors, second_factors.c.user == users.c.id)
            .where(users.c.id > after, users.c.role.in_(roles))
            .order_by(users.c.id)
            .limit(most)
        )
        if wanted.text:
            part = f"%{_plain(wanted.text)}%"
            fields = (users.c.name, users.c.kana, users.c.login, users.c.id, users.c.mail)
            query = query.where(or_(*(field.ilike(part, escape="\\") for field in fields)))
        for column, value in ((users.c.branch, reach), (users.c.branch, wanted.branch), (users.c.role, wanted.role)):
            if value:
                query = query.where(column == value)
        if wanted.state:
            query = query.where(users.c.active.is_(wanted.state == "active"))
        return [
            Listed(user_of(row.id, row, []), row.branch_name, row.seen, row.since)
            for row in self._session.connection().execute(query)
        ]

    def branches(self, reach: str | None) -> Sequence[tuple[str, str]]:
        """Code and name of those that there are."""
        query = select(branches.c.code, branches.c.name).order_by(branches.c.code)
        if reach is not None:
            query = query.where(branches.c.code == reach)
        return [(row.code, row.name) for row in self._session.connection().execute(query)]

    def administrators(self) -> Sequence[str]:
        """The ids of active users who may look after all users."""
        query = select(roles.c.name, roles.c.rights).where(roles.c.span == str(Span.ALL))
        names = [row.name for row in self._session.connection().execute(query) if "users" in row.rights]
        found = select(users.c.id).where(users.c.role.in_(names), users.c.active.is_(True)).limit(2)
        return list(self._session.connection().execute(found).scalars())

    def role_of(self, user_id: str) -> Role:
        """A user's role."""
        row = self._session.get_one(mapping.Role, self._session.get_one(mapping.User, user_id).role)
        return role_of(row.name, row)

    def role_sizes(self) -> dict[str, int]:
        """How many users have each role; those that nobody has are missing."""
        query = select(users.c.role, func.count()).group_by(users.c.role)
        return {row[0]: row[1] for row in self._session.connection().execute(query)}

    def of_role(self, role: str, after: str, most: int) -> Sequence[tuple[User, str]]:
        """Users of a role with the name of their branch, in the order of their ids, after one."""
        query = (
            select(users, branches.c.name.label("branch_name"))
            .join(branches, branches.c.code == users.c.branch)
            .where(users.c.role == role, users.c.id > after)
            .order_by(users.c.id)
            .limit(most)
        )
        return [(user_of(row.id, row, []), row.branch_name) for row in self._session.connection().execute(query)]

    def ids_of_role(self, role: str) -> Sequence[str]:
        """All users of a role."""
        query = select(users.c.id).where(users.c.role == role).order_by(users.c.id)
        return list(self._session.connection().execute(query).scalars())

    def reach(self, scope: Scope) -> Reach:
        """What a scope lets somebody see, by the gate's own rule. Whoever sees every branch sees what all who do see,
        so that is counted once."""
        known = replace(scope, user="", branch="") if scope.span is Span.ALL else scope
        if known not in self._reaches:
            connection = system(self._session)
            self._reaches[known] = Reach(
                sum(connection.execute(one).scalar_one() for one in gate.customer_counts(scope)),
                connection.execute(gate.open_calls_count(scope)).scalar_one(),
            )
        return self._reaches[known]


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
