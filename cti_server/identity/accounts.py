"""Who somebody is and what they may do: users, and roles as changeable sets of authorities (spec/50, Access)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Final

from cti_server.shared.scope import Scope, Span
from cti_server.shared.viewer import RIGHTS, Dialling, Right, Viewer, needs

__all__ = ["RIGHTS", "ROLES", "Dialling", "Right", "Role", "User", "Viewer", "login_key", "needs"]


@dataclass(frozen=True, slots=True)
class Role:
    """A set of authorities under a name; an administrator may change it."""

    name: str
    span: Span
    classes: frozenset[int]
    rights: frozenset[Right]

    def scope(self, user: str, branch: str) -> Scope:
        """What a user of a branch sees in this role."""
        return Scope(
            user=user,
            branch=branch,
            span=self.span,
            classes=self.classes,
            unregistered="unregistered" in self.rights,
            may_handle="handle" in self.rights,
        )


_ALL_CLASSES: Final = frozenset({1, 2, 3})
ROLES: Final = (
    Role("rep", Span.OWN, _ALL_CLASSES, frozenset({"handle", "customers"})),
    Role("branch manager", Span.BRANCH, _ALL_CLASSES, frozenset({"handle", "unregistered", "customers", "export"})),
    Role("PBX administrator", Span.OWN, frozenset(), frozenset({"exchanges"})),
    Role("compliance reviewer", Span.ALL, _ALL_CLASSES, frozenset({"unregistered", "audit", "rules", "export"})),
    Role("tester", Span.OWN, frozenset(), frozenset({"simulator", "exchanges"})),
    Role(
        "administrator",
        Span.ALL,
        _ALL_CLASSES,
        frozenset({"users", "customers", "exchanges", "unregistered", "export", "phases"}),
    ),
)
"""The roles of a new installation (spec/50)."""


@dataclass(slots=True)
class User:
    """One of the firm's people. ``id`` is the firm's own number for them (801), ``login`` what they sign in with."""

    id: str
    login: str
    name: str
    branch: str
    role: str
    kana: str = ""
    mail: str = ""
    language: str = "ja"
    timezone: str = ""
    """IANA name; empty: the branch's."""
    dial: Dialling = "pbx"
    active: bool = True
    extensions: list[tuple[str, str]] = field(default_factory=list)
    """(exchange, extension)."""


def login_key(login: str) -> str:
    """A login as it is kept and compared: width and case don't count."""
    return unicodedata.normalize("NFKC", login).strip().casefold()
