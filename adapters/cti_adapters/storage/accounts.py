"""Users, roles, extensions and sessions in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import delete, or_, select

from cti_adapters.passwords import Argon2
from cti_adapters.sealing import NoSealer
from cti_adapters.storage import mapping, outbox
from cti_adapters.storage.api_tokens import TokenShelf
from cti_adapters.storage.handover import Handover
from cti_adapters.storage.people_shelf import PeopleShelf
from cti_adapters.storage.schema import sessions, signin_failures
from cti_adapters.storage.second_factors import FactorShelf
from cti_adapters.storage.signed_in import role_of, signed_in, user_of
from cti_adapters.storage.stand_ins import StandInShelf
from cti_adapters.storage.telephones import TelephoneShelf
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.identity.accounts import ROLES, Role, User
from cti_server.identity.desk import Accounts
from cti_server.identity.factor_ports import Sealer
from cti_server.identity.ports import Failures, Hasher, Session, SignedIn
from cti_server.identity.sessions import SessionPolicy
from cti_server.shared.clock import Clock
from cti_server.shared.people import Branch
from cti_server.shared.scope import EVERYTHING

RIGHTS_ROW: Final = "rights"
"""The kind of the outbox row after which the open screens of some users are looked at again."""


def accounts(
    database: Database,
    clock: Clock,
    policy: SessionPolicy | None = None,
    *,
    hasher: Hasher | None = None,
    wake: Callable[[list[int]], None] | None = None,
    sealer: Sealer | None = None,
    required: Iterable[str] = (),
    only_administrators: bool = False,
) -> Accounts:
    """The identity room over a database. ``wake`` is told the outbox rows that wait for the daemon. Without a
    ``sealer`` nobody can sign in with a second factor; ``required``: the roles that can't do without;
    ``only_administrators``: nobody else signs in by password."""

    @contextmanager
    def rows(*, write: bool = False) -> Iterator[Rows]:
        with database.open(EVERYTHING, write=write) as work:
            if wake is not None:
                outbox.watch(work, wake)
            yield Rows(work)

    return Accounts(
        rows, hasher or Argon2(), clock, policy, sealer or NoSealer(), required, only_administrators=only_administrators
    )


def put_default_roles(work: UnitOfWork) -> None:
    """Gives a new database the roles of a new installation; where there are roles, nothing is changed."""
    if work.session.scalars(select(mapping.Role.name).limit(1)).first() is None:
        for role in ROLES:
            Rows(work).put_role(role)


class Rows:
    """See ``cti_server.identity.ports.AccountRows``."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._session = work.session

    def user(self, user_id: str) -> User | None:
        """One by id, with extensions."""
        row = self._session.get(mapping.User, user_id)
        return None if row is None else self._with_extensions([row])[0]

    def by_login(self, login: str) -> User | None:
        """One by login."""
        row = self._session.scalars(select(mapping.User).where(mapping.User.login == login)).first()
        return None if row is None else self._with_extensions([row])[0]

    def users(self) -> list[User]:
        """All, by id."""
        return self._with_extensions(list(self._session.scalars(select(mapping.User).order_by(mapping.User.id))))

    def _with_extensions(self, rows: list[mapping.User]) -> list[User]:
        query = select(mapping.Extension).order_by(mapping.Extension.exchange, mapping.Extension.extension)
        if len(rows) == 1:
            query = query.where(mapping.Extension.user == rows[0].id)
        extensions: dict[str, list[tuple[str, str]]] = {}
        for one in self._session.scalars(query):
            if one.user is not None:
                extensions.setdefault(one.user, []).append((one.exchange, one.extension))
        return [user_of(row.id, row, extensions.get(row.id, [])) for row in rows]

    def put_user(self, user: User) -> None:
        """Saves one as given; extensions and password stay as they are."""
        row = self._session.get(mapping.User, user.id)
        if row is None:
            row = mapping.User(id=user.id)
            self._session.add(row)
        row.login, row.name, row.kana, row.mail = user.login, user.name, user.kana, user.mail
        row.branch, row.role, row.active = user.branch, user.role, user.active
        row.language, row.timezone, row.dial = user.language, user.timezone, user.dial
        self._session.flush()

    def _stored(self, user_id: str) -> mapping.User:
        row = self._session.get(mapping.User, user_id)
        assert row is not None, "asked for before it was put"
        return row

    def password(self, user_id: str) -> str:
        """The password's hash; empty where there is none."""
        return self._stored(user_id).password_hash or ""

    def put_password(self, user_id: str, kept: str) -> None:
        """Keeps another hash."""
        self._stored(user_id).password_hash = kept

    def preferences(self, user_id: str) -> dict[str, Any]:
        """What the user chose for their screens."""
        return dict(self._stored(user_id).preferences or {})

    def put_preferences(self, user_id: str, chosen: dict[str, Any]) -> None:
        """Keeps it."""
        self._stored(user_id).preferences = chosen

    def role(self, name: str) -> Role | None:
        """One by name."""
        row = self._session.get(mapping.Role, name)
        return None if row is None else role_of(row.name, row)

    def roles(self) -> list[Role]:
        """All, by name."""
        return [
            role_of(row.name, row) for row in self._session.scalars(select(mapping.Role).order_by(mapping.Role.name))
        ]

    def put_role(self, role: Role) -> None:
        """Saves one as given."""
        row = self._session.get(mapping.Role, role.name)
        if row is None:
            row = mapping.Role(name=role.name)
            self._session.add(row)
        row.span, row.classes, row.rights = str(role.span), sorted(role.classes), sorted(role.rights)
        self._session.flush()

    def drop_role(self, name: str) -> None:
        """Removes one that nobody has."""
        self._session.delete(self._session.get_one(mapping.Role, name))

    def tell_rights(self, users: Sequence[str], at: float) -> None:
        """Their open screens are looked at again."""
        if users:
            outbox.put(self._work, RIGHTS_ROW, {"users": list(users)}, at)

    def note_role(self, at: float, by: str | None, act: str, role: str, detail: dict[str, Any]) -> None:
        """Adds to the trail what was done to a role."""
        self._session.add(mapping.Audit(at=at, user=by, act=act, subject_kind="role", subject_id=role, detail=detail))

    def branch(self, code: str) -> Branch | None:
        """One by code."""
        row = self._session.get(mapping.Branch, code)
        return None if row is None else Branch(row.code, row.name, row.timezone)

    @property
    def telephones(self) -> TelephoneShelf:
        """Whose the extensions are, and who sits there."""
        return self._work.telephones

    @property
    def handover(self) -> Handover:
        """What is a user's, and its way to another."""
        return Handover(self._work)

    @property
    def stand_ins(self) -> StandInShelf:
        """Who stands in for whom."""
        return StandInShelf(self._session)

    @property
    def people(self) -> PeopleShelf:
        """Users in lists."""
        return PeopleShelf(self._session)

    @property
    def second_factors(self) -> FactorShelf:
        """Second factors and half sign-ins."""
        return FactorShelf(self._session)

    @property
    def tokens(self) -> TokenShelf:
        """API tokens."""
        return TokenShelf(self._work)

    def end_tokens(self, user_id: str, at: float) -> int:
        """Ends the API tokens of a user who is disabled or left; gives how many there were."""
        ended = self.tokens.of(user_id)
        for token in ended:
            self.tokens.end(token, at)
        return len(ended)

    def session(self, session_id: str) -> Session | None:
        """One by id."""
        row = self._session.get(mapping.Session, session_id)
        return None if row is None else _session(row)

    def signed_in(self, session_id: str, now: float) -> SignedIn | None:
        """One with its user."""
        return signed_in(self._session.connection(), session_id, now)

    def put_session(self, session: Session) -> None:
        """Saves one as given."""
        self._session.merge(
            mapping.Session(
                token_hash=session.id,
                user=session.user,
                created=session.created,
                seen=session.seen,
                expires=session.expires,
                address=session.address,
            )
        )

    def end_session(self, session: Session, at: float) -> None:
        """Ends it; the live streams are told."""
        row = self._session.get(mapping.Session, session.id)
        if row is not None:
            self._session.delete(row)
            outbox.put(self._work, "session_ended", {"session": session.id}, at)

    def sessions_of(self, user_id: str) -> list[Session]:
        """Those of a user."""
        return [
            _session(row) for row in self._session.scalars(select(mapping.Session).where(sessions.c.user == user_id))
        ]

    def drop_expired(self, before: float, idle_before: float) -> None:
        """Forgets sessions that are over."""
        over = or_(sessions.c.expires < before, sessions.c.seen < idle_before)
        self._session.execute(delete(mapping.Session).where(over).execution_options(synchronize_session=False))

    def failures(self, keys: Iterable[str]) -> dict[str, Failures]:
        """Failed sign-ins by key."""
        query = select(mapping.SigninFailure).where(signin_failures.c.key.in_(list(keys)))
        return {
            row.key: Failures(row.key, row.failures, row.last_at, row.blocked_until)
            for row in self._session.scalars(query)
        }

    def put_failures(self, failures: Failures) -> None:
        """Saves them."""
        self._session.merge(
            mapping.SigninFailure(
                key=failures.key,
                failures=failures.count,
                last_at=failures.last_at,
                blocked_until=failures.blocked_until,
            )
        )

    def forget_failures(self, keys: Iterable[str]) -> None:
        """Drops them."""
        which = signin_failures.c.key.in_(list(keys))
        self._session.execute(delete(mapping.SigninFailure).where(which).execution_options(synchronize_session="fetch"))

    def drop_old_failures(self, before: float) -> None:
        """Drops those of which the last one was before then."""
        self._session.execute(
            delete(mapping.SigninFailure)
            .where(signin_failures.c.last_at < before)
            .execution_options(synchronize_session="fetch")
        )

    def note(self, at: float, by: str | None, act: str, user_id: str, detail: dict[str, Any]) -> None:
        """Adds to the trail what was done to a user's account."""
        self._session.add(
            mapping.Audit(at=at, user=by, act=act, subject_kind="user", subject_id=user_id, detail=detail)
        )


def _session(row: mapping.Session) -> Session:
    return Session(row.token_hash, row.user, row.created, row.seen, row.expires, row.address)
