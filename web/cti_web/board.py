"""The branch board: a shared screen in large type. No caller's identity is on it (spec C5, spec/70)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, redirect, url_for

from cti_server.settings import BoardSettings, Settings
from cti_web import formats
from cti_web.answers import asked_for, fragment, page
from cti_web.choices import branches
from cti_web.viewer import desk, signed_in, viewer

blueprint = Blueprint("board", __name__)


@blueprint.get("/board")
@signed_in
def show() -> Any:
    """The viewer's own branch; a choice for those who see several."""
    known = branches()
    if len(known) < 2:
        return redirect(url_for("board.branch", code=viewer.branch))
    with desk() as use:
        return page(use, "board/choose.html", branches=known)


@blueprint.get("/board/<code>")
@signed_in
def branch(code: str) -> Response:
    """What rings, who talks, who waits, what is open per rep; at set times the open calls as well."""
    with desk() as use:
        board = use.board(code)
        work = use.worklist("team", None, None, None, 12) if worklist_shown(code, formats.now()) else None
        if asked_for() == "y-board":
            return fragment("board/board.html", board=board, work=work)
        return page(use, "board/page.html", board=board, work=work)


def worklist_shown(code: str, now: float) -> bool:
    """Whether it is one of the times at which the branch's screen shows the worklist by itself."""
    settings: Settings = current_app.extensions["yobirin.settings"]
    zones = {one.code: one.timezone for one in settings.branches}
    return any(_shows(one, now, zones[code]) for one in settings.boards if one.branch == code)


def _shows(board: BoardSettings, now: float, zone: str) -> bool:
    moment = datetime.fromtimestamp(now, ZoneInfo(zone))
    for text in board.worklist_at:
        hour, minute = (int(part) for part in text.split(":"))
        begin = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if begin <= moment < begin + timedelta(minutes=board.minutes):
            return True
    return False
