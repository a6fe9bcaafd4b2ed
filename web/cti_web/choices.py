"""What the forms' lists offer: branches and reps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import current_app

from cti_server.settings import BranchSettings, Settings
from cti_server.shared.scope import Span
from cti_web.viewer import viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk


def branches() -> list[BranchSettings]:
    """The branches that the viewer's role spans, as far as they are set up."""
    settings: Settings = current_app.extensions["yobirin.settings"]
    if viewer.scope.span is Span.ALL:
        return list(settings.branches)
    return [branch for branch in settings.branches if branch.code == viewer.branch]


def reps(use: Desk) -> list[tuple[str, str]]:
    """(user, name) of the reps in the viewer's span."""
    return use.reps()
