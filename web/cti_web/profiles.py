"""Trying a profile: what the profiles make of pasted lines, and how a changed profile changes it (spec O3).

Pasted lines are customers' data: they go into no table, file, log or address.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from flask import Blueprint, Response, request
from flask_babel import gettext, lazy_gettext

from cti_adapters.profile_trial import Trial, as_lines, tried
from cti_adapters.profiles import FOLDER, profiles, shipped
from cti_adapters.wire.smdr.checking import misread
from cti_adapters.wire.smdr.fitting import Fit, fits
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.profile import Profile
from cti_server.shared.errors import SettingsError
from cti_web import exchange_form
from cti_web.answers import asked_for, fragment, page
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("exchanges_profiles", __name__)

_ = lazy_gettext

MOST_CHARACTERS: Final = 200_000
"""Of pasted lines, and of a profile: a person looks at them, so that more is a mistake."""
KINDS: Final = {
    "record": Label(_("record"), "green"),
    "noise": Label(_("no call"), ""),
    "unreadable": Label(_("not readable"), "red"),
}
_LINE: Final = re.compile(r"\bline (\d+)")


class Fault(NamedTuple):
    """What is wrong with the profile; ``line`` is null where it can't be told."""

    text: str
    line: int | None


class Work(NamedTuple):
    """What stands on the page."""

    lines: str
    name: str
    source: str
    ranking: list[Fit]
    trial: Trial | None
    faults: list[Fault]
    problem: str


@blueprint.get("/admin/profiles")
@signed_in
@needs("exchanges")
def show() -> Response:
    """The page, empty."""
    return _answer(_worked("", "", ""))


@blueprint.post("/admin/profiles")
@signed_in
@needs("exchanges")
def attempt() -> Response:
    """What the lines come out as. Nothing is kept."""
    lines, name, source = (request.form.get(field, "") for field in ("lines", "name", "source"))
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        lines = as_lines(upload.stream.read(MOST_CHARACTERS + 1))
    chosen = request.form.get("use") or request.form.get("choose", "")
    if chosen in shipped():
        name, source = chosen, _source(chosen)
    return _answer(_worked(lines, name, source))


def _answer(work: Work) -> Response:
    values: dict[str, Any] = {"work": work, "makes": profiles(), "kinds": KINDS, "feed_of": _feed}
    if asked_for() == "y-tried":
        filled = bool(work.source) and not request.form.get("source", "").strip()
        return fragment("profiles/result.html", filled=filled, **values)
    with desk() as use:
        return page(use, "profiles/page.html", **values)


def _worked(lines: str, name: str, source: str) -> Work:
    """The trial of the profile in the editor; where there is none yet, of the one that fits best."""
    if max(len(lines), len(source)) > MOST_CHARACTERS:
        most = gettext("This is too long to be tried here: paste some lines only (at most %(most)s characters).")
        return Work("", name, source[:MOST_CHARACTERS], [], None, [], most % {"most": f"{MOST_CHARACTERS:,}"})
    ranking = [fit for fit in fits(lines.encode(), profiles()) if fit.records] if lines.strip() else []
    if not source.strip() and ranking:
        name = ranking[0].profile.name
        source = _source(name)
    if not source.strip():
        return Work(lines, name, source, ranking, None, [], "")
    try:
        profile = parse(source, name or "profile")
    except SettingsError as fault:
        return Work(lines, name, source, ranking, None, [_fault(str(fault))], "")
    trial = tried(profile, lines) if lines.strip() else None
    return Work(lines, name, source, ranking, trial, [_fault(one) for one in misread(profile)], "")


def _feed(profile: Profile) -> str:
    """How an exchange of this make is usually connected, as the form of an exchange calls it."""
    known = {"files": "file"}
    usual = [known.get(feed, feed) for feed in profile.feeds]
    return next((feed for feed in usual if feed in exchange_form.feeds()), "file")


def _fault(sentence: str) -> Fault:
    found = _LINE.search(sentence)
    return Fault(sentence, int(found[1]) if found else None)


def _source(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text("utf-8")
