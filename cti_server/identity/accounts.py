"""Who somebody is and what they may do: users, roles as changeable sets of authorities, and the viewer of a page
(spec/50, Access)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import Scope, Span

Right = Literal["handle", "unregistered", "exchanges", "simulator", "audit", "export", "users", "customers"]
Dialling = Literal["pbx", "tel"]

RIGHTS: Final[dict[Right, str]] = {
    "handle": "handle calls",
    "unregistered": "see unregistered callers",
    "exchanges": "look after the exchanges",
    "simulator": "use the simulator",
    "audit": "review the trail",
    "export": "export lists",
    "users": "look after users",
    "customers": "change customers",
}
"""Every authority, with what it allows (completes "You may ...")."""


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
    Role("compliance reviewer", Span.ALL, _ALL_CLASSES, frozenset({"unregistered", "audit", "export"})),
    Role("tester", Span.OWN, frozenset(), frozenset({"simulator", "exchanges"})),
    Role(
        "administrator",
        Span.ALL,
        _ALL_CLASSES,
        frozenset({"users", "customers", "exchanges", "unregistered", "export"}),
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


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user that a page, a stream or a command works for. ``timezone`` is resolved: the user's, else the
    branch's."""

    id: str
    login: str
    name: str
    branch: str
    branch_name: str
    role: str
    scope: Scope
    rights: frozenset[Right]
    language: str = "ja"
    timezone: str = "Asia/Tokyo"
    dial: Dialling = "pbx"
    extensions: tuple[tuple[str, str], ...] = ()
    """(exchange, extension)."""

    def may(self, right: Right) -> bool:
        """Whether the viewer has this authority."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises :class:`NotAllowed` unless the viewer has this authority."""
        if right not in self.rights:
            raise NotAllowed(f"Your role does not allow you to {RIGHTS[right]}; ask an administrator for it")


class HasViewer(Protocol):
    """A use-case object that works for a viewer."""

    @property
    def viewer(self) -> Viewer:
        """For whom."""


_Self = TypeVar("_Self", bound=HasViewer)
_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def needs(
    right: Right,
) -> Callable[[Callable[Concatenate[_Self, _Args], _Result]], Callable[Concatenate[_Self, _Args], _Result]]:
    """Decorates a use case with the authority that it takes: ``@needs("export")``. Without it: NotAllowed."""

    def decorate(
        method: Callable[Concatenate[_Self, _Args], _Result],
    ) -> Callable[Concatenate[_Self, _Args], _Result]:
        @wraps(method)
        def checked(self: _Self, /, *args: _Args.args, **more: _Args.kwargs) -> _Result:
            self.viewer.require(right)
            return method(self, *args, **more)

        return checked

    return decorate
