"""Profiles of makes: what they make of pasted lines, how a changed one changes it, and saving it (spec O3).

Pasted lines are customers' data: they go into no table, file, log or address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext, lazy_gettext

from cti_adapters.profile_trial import Trial, as_lines, tried
from cti_adapters.profiles import known, renamed, shipped, source_of
from cti_adapters.wire.smdr.checking import misread
from cti_adapters.wire.smdr.fitting import Fit, fits
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.profile import Profile
from cti_server.exchanges.profiles import NAME, Faulty, ProfileDesk, SavedProfile, User, Version
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, SettingsError
from cti_web import exchange_form, sentences
from cti_web.answers import asked_for, fragment, page
from cti_web.errors import status_of
from cti_web.exchange_settings import managing_profiles
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

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


class Listed(NamedTuple):
    """A saved profile in the list of them, and the exchanges that are read by it."""

    version: Version
    users: list[User]


class Work(NamedTuple):
    """What stands on the page. ``name`` is that of the profile in the editor, ``version`` that of a saved one (0: it
    ships, or is new), ``save_as`` the name that it is to be saved under."""

    lines: str
    name: str
    source: str
    version: int
    save_as: str
    ranking: list[Fit]
    trial: Trial | None
    faults: list[Fault]
    problem: str
    name_problem: str = ""
    saved: SavedProfile | None = None


@blueprint.get("/admin/profiles")
@signed_in
@needs("exchanges")
def show() -> Response:
    """The page, empty; or with a saved profile in the editor."""
    with desk() as use:
        own = _own(managing_profiles(use))
        name = request.args.get("profile", "")
        version, source = _text_of(name, own)
        return _answer(use, _worked("", name if source else "", source, version, own), own)


@blueprint.post("/admin/profiles")
@signed_in
@needs("exchanges")
def attempt() -> Response:
    """What the lines come out as. Nothing is kept."""
    with desk() as use:
        own = _own(managing_profiles(use))
        lines, name, source, version = _sent()
        upload = request.files.get("file")
        if upload is not None and upload.filename:
            lines = as_lines(upload.stream.read(MOST_CHARACTERS + 1))
        chosen = request.form.get("use") or request.form.get("choose", "")
        if chosen:
            name, (version, source) = chosen, _text_of(chosen, own)
        return _answer(use, _worked(lines, name, source, version, own), own)


@blueprint.post("/admin/profiles/save")
@signed_in
@needs("exchanges")
def save() -> Response:
    """Saves the text in the editor; the lines stay on the page, and are kept nowhere."""
    lines, name, source, version = _sent()
    save_as = request.form.get("save_as", "").strip()
    source = renamed(source, save_as) if NAME.fullmatch(save_as) else source
    with desk() as use:
        before = _own(managing_profiles(use))
    try:
        with desk() as use:
            saved = managing_profiles(use).save(save_as, source, version if save_as == name else 0)
    except (Invalid, Conflict, NotAllowed) as bad:
        work = _worked(lines, name, source, version, before)._replace(save_as=save_as)
        if isinstance(bad, Faulty):
            work = work._replace(faults=[_fault(one) for one in bad.faults])
        else:
            work = work._replace(name_problem=sentences.said(bad))
        with desk() as use:
            answer = _answer(use, work, before)
        answer.status_code = status_of(bad)
        answer.headers["HX-Push-Url"] = url_for("exchanges_profiles.show")
        return answer
    with desk() as use:
        own = _own(managing_profiles(use))
        work = _worked(lines, saved.name, saved.source, saved.version, own)
        answer = _answer(use, work._replace(saved=saved), own)
        answer.headers["HX-Push-Url"] = url_for("exchanges_profiles.show", profile=saved.name)
        return answer


def _sent() -> tuple[str, str, str, int]:
    """Lines, name, text and version that stand in the form. A browser ends lines with CR LF."""
    lines, name, source = (request.form.get(field, "") for field in ("lines", "name", "source"))
    version = request.form.get("version", "")
    return lines, name, source.replace("\r\n", "\n"), int(version) if version.isdecimal() else 0


def _text_of(name: str, own: dict[str, SavedProfile]) -> tuple[int, str]:
    """(version, text) of the profile of a name; one that ships has no versions, one that is not there no text."""
    if name in own:
        return own[name].version, own[name].source
    return 0, source_of(name) if name in shipped() else ""


def _own(profile_desk: ProfileDesk) -> dict[str, SavedProfile]:
    return {one.saved.name: one.saved for one in profile_desk.own()}


def _answer(use: Desk, work: Work, own: dict[str, SavedProfile]) -> Response:
    values: dict[str, Any] = {"work": work, "kinds": KINDS, "feed_of": _feed}
    if asked_for() == "y-tried":
        filled = bool(work.source) and not request.form.get("source", "").strip()
        return fragment("profiles/result.html", filled=filled, **values)
    manage = managing_profiles(use)
    values["makes"] = known({name: one.source for name, one in own.items()}).values()
    values["own"] = [Listed(one, manage.users(one.saved.name)) for one in manage.own()]
    values["users"] = manage.users(work.saved.name) if work.saved else []
    return page(use, "profiles/page.html", **values)


def _worked(lines: str, name: str, source: str, version: int, own: dict[str, SavedProfile]) -> Work:
    """The trial of the profile in the editor; where there is none yet, of the one that fits best."""
    if max(len(lines), len(source)) > MOST_CHARACTERS:
        most = gettext("This is too long to be tried here: paste some lines only (at most %(most)s characters).")
        said = most % {"most": f"{MOST_CHARACTERS:,}"}
        return Work("", name, source[:MOST_CHARACTERS], version, "", [], None, [], said)
    makes = known({one.name: one.source for one in own.values()})
    ranking = [fit for fit in fits(lines.encode(), makes.values()) if fit.records] if lines.strip() else []
    if not source.strip() and ranking:
        name = ranking[0].profile.name
        version, source = _text_of(name, own)
    work = Work(lines, name, source, version, _save_as(name, own), ranking, None, [], "")
    if not source.strip():
        return work
    try:
        profile = parse(source, name or "profile")
    except SettingsError as fault:
        return work._replace(faults=[_fault(str(fault))])
    trial = tried(profile, lines) if lines.strip() else None
    return work._replace(trial=trial, faults=[_fault(one) for one in misread(profile)])


def _save_as(name: str, own: dict[str, SavedProfile]) -> str:
    """Under which name a profile is saved unless another is typed: one that ships, under one beside it."""
    if not name or name in own:
        return name
    names = [f"{name}-own", *(f"{name}-own{number}" for number in range(2, 100))]
    return next(one for one in names if one not in own)


def _feed(profile: Profile) -> str:
    """How an exchange of this make is usually connected, as the form of an exchange calls it."""
    known = {"files": "file"}
    usual = [known.get(feed, feed) for feed in profile.feeds]
    return next((feed for feed in usual if feed in exchange_form.feeds()), "file")


def _fault(sentence: str) -> Fault:
    found = _LINE.search(sentence)
    return Fault(sentence, int(found[1]) if found else None)
