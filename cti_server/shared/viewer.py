"""The user that a use case works for, and the authorities that it may take (spec/50, Access). All rooms speak it, since
no room may know another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import Scope, Span

Right = Literal[
    "handle", "unregistered", "exchanges", "simulator", "audit", "rules", "export", "users", "customers", "phases"
]
Dialling = Literal["pbx", "tel"]

RIGHTS: Final[dict[Right, str]] = {
    "handle": "handle calls",
    "unregistered": "see unregistered callers",
    "exchanges": "look after the exchanges",
    "simulator": "use the simulator",
    "audit": "review the trail",
    "rules": "change the rules of compliance",
    "export": "export lists",
    "users": "look after users",
    "customers": "change customers",
    "phases": "set up services, their phases and members",
}
"""Every authority, with what it allows (completes "You may ...")."""


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
    stands_in_for: tuple[tuple[str, str, float], ...] = ()
    """Absent colleagues (id, name, until when) whose customers the scope takes for the viewer's own."""
    token: str = ""
    """The name of the API token that reads in this user's name; empty for the user themselves."""

    def may(self, right: Right) -> bool:
        """Whether the viewer has this authority."""
        return right in self.rights

    def require(self, right: Right) -> None:
        """Raises :class:`NotAllowed` unless the viewer has this authority."""
        if right not in self.rights:
            raise NotAllowed(f"Your role does not allow you to {RIGHTS[right]}; ask an administrator for it")


def exchange_reach(viewer: Viewer) -> str | None:
    """The branch whose exchanges (and their gaps) exist for a viewer; null for every branch's.

    Exchanges have no rep in charge: whoever looks after them and is held to a branch looks after that branch's, whoever
    is held to their own customers (a PBX administrator, who has none) after all of them.
    """
    scope = viewer.scope
    if scope.everything or scope.span is Span.ALL:
        return None
    return None if viewer.may("exchanges") and scope.span is not Span.BRANCH else scope.branch


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
