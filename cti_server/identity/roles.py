"""Roles on a page (spec/50): sets of authorities that an administrator changes, after seeing who would see what.

Only who looks after all users does, and nobody gives more to the role that they have themselves. A change holds from
the next request on; open screens are told (``AccountRows.tell_rights``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, get_args

from cti_server.identity.accounts import RIGHTS, ROLES, Right, Role, User, Viewer
from cti_server.identity.desk_base import Base, somebody_left
from cti_server.identity.people_ports import Reach
from cti_server.identity.ports import AccountRows
from cti_server.identity.standing_in import stands_in
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import Span

PREVIEWED: Final = 25
"""Users of a role that a preview counts for at a time: each takes some look-ups."""
LONGEST_NAME: Final = 60
CLASS_LIMITS: Final = (frozenset({1, 2, 3}), frozenset({2, 3}), frozenset({3}), frozenset[int]())
"""Which customers a role sees by their class: all, without the most confidential, the least only, none."""
SHIPPED: Final = frozenset(role.name for role in ROLES)
"""Those of a new installation: they can be changed, not removed."""


class RoleRow(NamedTuple):
    """A role in the list, with how many users have it."""

    role: Role
    users: int


class OneRole(NamedTuple):
    """One role. ``own``: it is the viewer's; ``removable``: nobody has it, and it is not one of a new installation."""

    role: Role
    users: int
    own: bool
    removable: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What one user sees before and after a change."""

    user: User
    branch_name: str
    before: Reach
    after: Reach


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of a role does. ``gained`` and ``lost`` are rights; ``rows`` the first users of the role, by id,
    ``after`` the id after which more follow (empty: these are all), ``users`` how many there are."""

    before: Role
    role: Role
    gained: Sequence[Right]
    lost: Sequence[Right]
    users: int
    rows: Sequence[Seen]
    after: str

    @property
    def sees_otherwise(self) -> bool:
        """Whether somebody would see other customers than before."""
        return (self.before.span, self.before.classes) != (self.role.span, self.role.classes)


class Roles(Base):
    """What the viewer may do about roles. Each use case opens a transaction and checks in it."""

    def role_list(self, viewer: Viewer) -> list[RoleRow]:
        """All roles, by name."""
        _all_users(viewer)
        with self._rows() as rows:
            sizes = rows.people.role_sizes()
            return [RoleRow(role, sizes.get(role.name, 0)) for role in rows.roles()]

    def one_role(self, viewer: Viewer, name: str) -> OneRole:
        """One. NotFound where there is none."""
        _all_users(viewer)
        with self._rows() as rows:
            role = _existing(rows, name)
            users = rows.people.role_sizes().get(name, 0)
            return OneRole(role, users, name == viewer.role, _removable(name, users))

    def preview_role(self, viewer: Viewer, role: Role, after: str = "") -> Preview:
        """What saving it would do. Raises what saving it would raise."""
        _all_users(viewer)
        with self._rows() as rows:
            before = _existing(rows, role.name)
            _may_be(viewer, role, before)
            found = rows.people.of_role(role.name, after, PREVIEWED + 1)
            more, found = len(found) > PREVIEWED, found[:PREVIEWED]
            seen = [
                Seen(user, branch, *(self._reach(rows, user, one) for one in (before, role))) for user, branch in found
            ]
            return Preview(
                before,
                role,
                [one for one in RIGHTS if one in role.rights - before.rights],
                [one for one in RIGHTS if one in before.rights - role.rights],
                rows.people.role_sizes().get(role.name, 0),
                seen,
                found[-1][0].id if more else "",
            )

    def save_role(self, viewer: Viewer, role: Role, seen: str) -> Role:
        """Changes one; gives it as it was. Conflict where somebody changed it since ``seen`` (:func:`role_state`)."""
        _all_users(viewer)
        with self._rows(write=True) as rows:
            before = _existing(rows, role.name)
            if role_state(before) != seen:
                raise Conflict("Somebody else changed this role in the meantime; look at what changed, then save again")
            _may_be(viewer, role, before)
            if role == before:
                return before
            with somebody_left(rows):
                rows.put_role(role)
            now = self._clock.now()
            told = {"before": authorities(before), "after": authorities(role)}
            rows.note_role(now, viewer.id, "role-changed", role.name, told)
            tell_all(rows, role.name, now)
        return before

    def add_role(self, viewer: Viewer, role: Role) -> None:
        """Adds one under a name that no other has."""
        _all_users(viewer)
        role = replace(role, name=" ".join(role.name.split()))
        with self._rows(write=True) as rows:
            if any(one.name.casefold() == role.name.casefold() for one in rows.roles()):
                raise Invalid("There is a role of this name already; choose another", "name", "role-taken")
            check_role(role)
            rows.put_role(role)
            rows.note_role(self._clock.now(), viewer.id, "role-added", role.name, {"after": authorities(role)})

    def remove_role(self, viewer: Viewer, name: str) -> Role:
        """Removes one that nobody has; gives it as it was."""
        _all_users(viewer)
        with self._rows(write=True) as rows:
            role = _existing(rows, name)
            if not _removable(name, rows.people.role_sizes().get(name, 0)):
                raise Invalid(
                    "Only a role that was added here and that nobody has can be removed; give its users another first",
                    "name",
                    "role-in-use",
                )
            rows.drop_role(name)
            rows.note_role(self._clock.now(), viewer.id, "role-removed", name, {"before": authorities(role)})
        return role

    def _reach(self, rows: AccountRows, user: User, role: Role) -> Reach:
        """What a user would see in a role; with the customers of whom they stand in for, who may have the same role."""
        absences = [
            replace(one, classes=role.classes) if _has(rows, one.user, role) else one
            for one in rows.stand_ins.now(user.id, self._clock.now())
        ]
        return rows.people.reach(replace(role.scope(user.id, user.branch), stands_in=stands_in(role, absences)))


def check_role(role: Role) -> None:
    """Raises Invalid for what a role can't be."""
    unknown = sorted(set(role.rights) - set(get_args(Right)))
    if unknown:
        raise Invalid(f"There is no right “{unknown[0]}”; there are {', '.join(RIGHTS)}", "rights", "wrong-right")
    if role.classes not in CLASS_LIMITS:
        raise Invalid(
            "A role sees all classes of customers, 2 and 3, only 3, or none; choose one of these",
            "classes",
            "wrong-classes",
        )
    if not role.name.strip() or len(role.name) > LONGEST_NAME or not role.name.isprintable() or "/" in role.name:
        raise Invalid("A role needs a name of at most 60 characters, without a slash", "name", "wrong-name")
    if role.classes:
        return
    if role.rights & {"customers", "audit", "rules", "phases"}:
        raise Invalid(
            "A role that changes customers, reviews calls or sets up phases has to see customers; choose their classes",
            "classes",
            "role-blind",
        )
    if role.rights & {"handle", "export"} and "unregistered" not in role.rights:
        raise Invalid(
            "A role that handles calls or exports lists has to see customers or unregistered callers",
            "classes",
            "role-idle",
        )


def role_state(role: Role) -> str:
    """A role as a form knew it, so that two who change the same don't overwrite each other."""
    known = repr((role.name, str(role.span), sorted(role.classes), sorted(role.rights)))
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def authorities(role: Role) -> dict[str, object]:
    """A role as it stands in the trail."""
    return {"span": str(role.span), "classes": sorted(role.classes), "rights": sorted(role.rights)}


def wider(role: Role, before: Role) -> bool:
    """Whether a role lets somebody see or do more than before."""
    order = list(Span)
    return (
        order.index(role.span) > order.index(before.span)
        or bool(role.classes - before.classes)
        or bool(role.rights - before.rights)
    )


def tell_all(rows: AccountRows, role: str, at: float) -> None:
    """The open screens of a role's users are looked at again, and those of who stands in for one of them."""
    users = rows.people.ids_of_role(role)
    rows.tell_rights([*users, *rows.stand_ins.standing_for(users, at)], at)


def _has(rows: AccountRows, user_id: str, role: Role) -> bool:
    user = rows.user(user_id)
    return user is not None and user.role == role.name


def _may_be(viewer: Viewer, role: Role, before: Role) -> None:
    check_role(role)
    if role.name == viewer.role and wider(role, before):
        raise Invalid(
            "You can't give your own role more than it has; somebody with another role who looks after users has to",
            "rights",
            "own-role-wider",
        )


def _existing(rows: AccountRows, name: str) -> Role:
    role = rows.role(name)
    if role is None:
        raise NotFound("There is no such role")
    return role


def _removable(name: str, users: int) -> bool:
    return users == 0 and name not in SHIPPED


def _all_users(viewer: Viewer) -> None:
    viewer.require("users")
    if viewer.scope.span is not Span.ALL:
        raise NotAllowed("Roles are changed by who looks after the users of all branches; ask them")
