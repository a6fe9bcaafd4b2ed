"""Filters of the coverage page under a name: a user's own, or shared. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cti_server.shared.errors import Invalid
from cti_server.shared.scope import Scope, Span

NAME_LONGEST: Final = 40
MOST: Final = 30
"""Of one user."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """``address``: the filters as they stand in the page's address. ``span``, ``branch``, ``classes``: how far its
    author's role reached when it was saved."""

    id: int
    user: str
    user_name: str
    name: str
    address: str
    shared: bool
    span: Span
    branch: str
    classes: frozenset[int]


def reaches(scope: Scope, view: SavedView) -> bool:
    """Whether a user sees at least as much as the author did: what somebody calls a view may tell of what they saw."""
    if scope.user == view.user:
        return True
    if not view.shared or not view.classes <= scope.classes:
        return False
    return scope.span is Span.ALL or (
        scope.span is Span.BRANCH and view.span is Span.BRANCH and view.branch == scope.branch
    )


def name_of(text: str) -> str:
    """A name for a view. Raises Invalid where it can't be one."""
    bare = " ".join(text.split())
    if not bare or len(bare) > NAME_LONGEST:
        raise Invalid("A view needs a name of at most 40 characters", "name", "view-name")
    return bare
