"""Whose a session is, in few look-ups that go to the driver as compiled: every page and every live stream asks it, and
a thousand screens ask at once when the server was away."""

from __future__ import annotations

from typing import Any, Final, cast

from sqlalchemy import Connection, bindparam, select

from cti_adapters.storage.core import Within
from cti_adapters.storage.schema import branches, extensions, roles, seats, sessions, users
from cti_adapters.storage.stand_ins import absences
from cti_adapters.storage.telephones import rung
from cti_server.identity.accounts import RIGHTS, Dialling, Role, User
from cti_server.identity.ports import Session, SignedIn
from cti_server.shared.people import Branch
from cti_server.shared.scope import Span

_USER: Final = (
    users.c.login, users.c.name, users.c.kana, users.c.mail, users.c.branch, users.c.role, users.c.language,
    users.c.timezone, users.c.dial, users.c.active,
)  # fmt: skip
_SESSION: Final = Within(
    select(
        *[column for column in sessions.c if column is not sessions.c.token_hash],
        *_USER,
        branches.c.name.label("branch_name"),
        branches.c.timezone.label("branch_zone"),
        roles.c.span,
        roles.c.classes,
        roles.c.rights,
    )
    .join(users, users.c.id == sessions.c.user)
    .join(branches, branches.c.code == users.c.branch)
    .join(roles, roles.c.name == users.c.role),
    sessions.c.token_hash,
)
_OWN: Final = Within(
    select(extensions.c.exchange, extensions.c.extension).order_by(extensions.c.exchange, extensions.c.extension),
    extensions.c.user,
)
_SAT: Final = select(seats.c.exchange, seats.c.extension, seats.c.user).where(
    seats.c.ended_at.is_(None), seats.c.until > bindparam("now")
)
_SAT_BY: Final = Within(_SAT, seats.c.user)
_SAT_AT: Final = Within(_SAT, seats.c.extension)


def signed_in(connection: Connection, session_id: str, now: float) -> SignedIn | None:
    """The session with its user; null where there is no such session. Whether it stands is not asked here."""
    row: Any = next(_SESSION.rows(connection, [session_id]), None)
    if row is None:
        return None
    own = [(one.exchange, one.extension) for one in _OWN.rows(connection, [row.user])]
    sat = {(one.exchange, one.extension, one.user) for one in _SAT_BY.rows(connection, [row.user], now=now)}
    at = {extension for _exchange, extension in own}
    sat |= {(one.exchange, one.extension, one.user) for one in _SAT_AT.rows(connection, at, now=now)}
    return SignedIn(
        Session(session_id, row.user, row.created, row.seen, row.expires, row.address),
        user_of(row.user, row, own),
        role_of(row.role, row),
        Branch(row.branch, row.branch_name, row.branch_zone),
        tuple(rung(row.user, own, sorted(sat))),
        absences(connection, row.user, now),
    )


def user_of(user_id: str, row: Any, extensions: list[tuple[str, str]]) -> User:
    """A user as a row with the columns of ``users`` says."""
    return User(
        id=user_id,
        login=row.login,
        name=row.name,
        branch=row.branch,
        role=row.role,
        kana=row.kana,
        mail=row.mail,
        language=row.language,
        timezone=row.timezone,
        dial=cast(Dialling, row.dial),
        active=row.active,
        extensions=extensions,
    )


def role_of(name: str, row: Any) -> Role:
    """A role as its row says; rights that this version does not know are left out."""
    rights = frozenset(right for right in RIGHTS if right in row.rights)
    return Role(name, Span(row.span), frozenset(row.classes), rights)
