"""A user who leaves (spec/50): what is theirs goes to a colleague, and they are out at once.

First, in one transaction, they are kept out and everything but the customers moves; then the customers follow lot by
lot in the background, since each takes its calls, claims and deals along and nothing may wait for ten thousand of them.
Said again it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cti_server.identity import seating
from cti_server.identity.accounts import User, Viewer
from cti_server.identity.desk_base import Base, looked_after, reach_of, somebody_left
from cti_server.identity.people_ports import Belongings
from cti_server.identity.ports import AccountRows
from cti_server.shared.errors import Invalid, NotFound

LISTED: Final = 500
"""Colleagues offered as successors."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """The page of a user who leaves."""

    user: User
    has: Belongings
    sessions: int
    tokens: int
    successors: Sequence[tuple[str, str]]
    """Id and name of those who can take it over."""


class Leaving(Base):
    """Each use case opens a transaction and checks in it."""

    def farewell(self, viewer: Viewer, user_id: str) -> Farewell:
        """What a user has, and who can take it over."""
        viewer.require("users")
        with self._rows() as rows:
            user = self._leaves(rows, viewer, user_id)
            return Farewell(
                user,
                rows.handover.belongings(user_id),
                len(rows.sessions_of(user_id)),
                len(rows.tokens.of(user_id)),
                rows.stand_ins.colleagues(user_id, reach_of(viewer))[:LISTED],
            )

    def leave(self, viewer: Viewer, user_id: str, to: str, *, without: bool = False) -> None:
        """They are out at once; what is theirs goes to ``to``. Customers whom that colleague's role does not see are
        left without a rep in charge where ``without`` says so; Invalid otherwise, and nothing happens."""
        viewer.require("users")
        with self._rows(write=True) as rows:
            user, now = self._leaves(rows, viewer, user_id), self._clock.now()
            if to not in {one for one, _name in rows.stand_ins.colleagues(user_id, reach_of(viewer))}:
                raise Invalid(
                    "Choose a colleague of the list: somebody who handles calls and may sign in", "to", "no-successor"
                )
            heir = self._existing(rows, to)
            role = rows.role(heir.role)
            if role is None:  # the database forbids it by a foreign key
                raise NotFound(f"The user {to} has no role")
            has = rows.handover.belongings(user_id)
            hidden = sum(number for one, number in has.customers.items() if one not in role.classes)
            if hidden and not without:
                raise Invalid(
                    "The colleague's role does not see the class of some of these customers; choose somebody else, or "
                    "say that they are left without a rep in charge",
                    "without",
                    "successor-blind",
                )
            with somebody_left(rows):
                rows.put_user(replace(user, active=False))
            sessions = self._end_all(rows, user_id)
            tokens = rows.end_tokens(user_id, now)
            seating.sign_out(rows.telephones, user_id, now, forced=True)
            for exchange, extension in user.extensions:
                seating.assign(rows.telephones, exchange, extension, None, shared=False, now=now, by=viewer.id)
            for one in rows.stand_ins.of(user_id, now):
                rows.stand_ins.end(one.id, now, viewer.id)
            rows.handover.hand_over(user_id, role.scope(heir.id, heir.branch), viewer.id, now)
            told = {"to": to, "customers": sum(has.customers.values()), "without_rep": hidden, "items": has.items}
            told |= {"requests": has.requests, "deals": has.deals, "sessions": sessions, "tokens": tokens}
            rows.note(now, viewer.id, "user-left", user_id, told)
            rows.tell_rights([user_id, to], now)

    def _leaves(self, rows: AccountRows, viewer: Viewer, user_id: str) -> User:
        user = looked_after(rows, viewer, user_id)
        if user_id == viewer.id:
            raise Invalid(
                "You can't let yourself leave; somebody else who looks after users has to", "user", "own-lock"
            )
        return user
