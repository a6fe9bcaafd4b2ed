"""Adding, changing, pausing, removing and testing exchanges on pages (spec Exchanges)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from flask import Blueprint, Response, abort, current_app, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext

from cti_adapters.profiles import faults_of, known, other_make, shipped
from cti_adapters.secret_folder import SecretFolder
from cti_server.exchanges.desk import Entry, ExchangeDesk, SecretWish
from cti_server.exchanges.profiles import ProfileDesk
from cti_server.exchanges.saved import Unfit
from cti_server.settings import Settings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid
from cti_web import exchange_form, exchange_words, formats
from cti_web.answers import Undo, asked_for, done, fragment, page
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("exchanges_settings", __name__)

_ = lazy_gettext

ANSWERED_WITHIN: Final = 20.0
"""A test that takes longer has nobody who does it."""


class Act(NamedTuple):
    """Something that is done to an exchange. ``title``, ``what`` and ``button`` are those of the question that comes
    first; one that needs none has no ``what``."""

    do: Callable[[ExchangeDesk, str, int], Any]
    said: LazyString
    title: LazyString | str = ""
    what: tuple[LazyString, ...] = ()
    button: LazyString | str = ""
    danger: bool = False


ACTS: Final[dict[str, Act]] = {
    "pause": Act(
        ExchangeDesk.pause,
        _("Paused"),
        _("Pause this exchange?"),
        (
            _("Nothing is heard from it until it is resumed; the time shows as a gap wherever calls may be missing."),
            _("Calls that are up now are closed as cut by a gap. All calls so far stay, and can be worked on."),
            _("Calling back through it is not possible meanwhile. No other exchange is touched."),
        ),
        _("Pause"),
    ),
    "resume": Act(ExchangeDesk.resume, _("Resumed")),
    "remove": Act(
        ExchangeDesk.remove,
        _("Removed"),
        _("Remove this exchange?"),
        (
            _("It is left, and stands on no page any more. Calls that are up now are closed as cut by a gap."),
            _("Its calls stay in the call log and on the worklists, its journal stays on the disk."),
            _("It can be brought back from the list of exchanges. No other exchange is touched."),
        ),
        _("Remove"),
        danger=True,
    ),
    "bring-back": Act(ExchangeDesk.bring_back, _("Brought back")),
    "back-to-file": Act(
        ExchangeDesk.back_to_file,
        _("The settings file holds again"),
        _("Back to the settings file?"),
        (
            _("What was saved here is forgotten; the exchange runs as the settings file says."),
            _("If that changes how it is reached, the link is made anew: a short gap."),
        ),
        _("Back to the file"),
    ),
}


def managing(use: Desk) -> ExchangeDesk:
    """The use cases of looking after exchanges, in the same transaction as the desk's."""
    settings = cast(Settings, current_app.extensions["yobirin.settings"])
    clock = cast(Clock, current_app.extensions["yobirin.clock"])
    work = cast(Any, use.work)
    return ExchangeDesk(work.shelf, viewer, clock, SecretFolder(settings.data_dir, settings.server.record_folders))


def managing_profiles(use: Desk) -> ProfileDesk:
    """The use cases of looking after profiles, in the same transaction as the desk's."""
    clock = cast(Clock, current_app.extensions["yobirin.clock"])
    work = cast(Any, use.work)
    return ProfileDesk(work.profiles, work.shelf, viewer, clock, shipped(), faults_of)


def makes(use: Desk) -> dict[str, str]:
    """Name -> title of the profiles that there are."""
    return {name: one.title for name, one in known(managing_profiles(use).texts()).items()}


def other_make_of(use: Desk, exchange: str) -> tuple[str, str] | None:
    """(name, title) of the make that what could not be read of an exchange looks to be of; null where that is the one
    that it is read as, or can't be told."""
    manage = managing_profiles(use)
    now = str(managing(use).entry(exchange).values.get("profile") or "")
    found = other_make(manage.unread_sample(exchange), now, manage.texts())
    return None if found is None else (found.name, found.title)


def profile_of(use: Desk, exchange: str) -> str:
    """The name of the profile that an exchange is read by; empty where it is in a file."""
    name = str(managing(use).entry(exchange).values.get("profile") or "")
    return name if name in makes(use) else ""


# --- adding


@blueprint.get("/admin/exchanges/new-exchange")
@signed_in
@needs("exchanges")
def new() -> Response:
    """The form for a new one; without a kind, which kinds there are."""
    kind, feed = request.args.get("kind", ""), request.args.get("feed", "")
    with desk() as use:
        if not _is_kind(kind, feed):
            return page(use, "exchanges/choose.html", kinds=exchange_form.kinds(), feeds=exchange_form.feeds())
        branches = managing(use).branches()
        own = {"branch": viewer.branch, "timezone": viewer.timezone}
        there = makes(use)
        if request.args.get("profile") in there:
            own["profile"] = request.args["profile"]
        form = exchange_form.made(kind, feed, own, branches, there)
        return page(use, "exchanges/add.html", form=form, entry=None)


@blueprint.post("/admin/exchanges/new-exchange")
@signed_in
@needs("exchanges")
def add() -> Response:
    """Adds one."""
    kind, feed = _kind_sent()
    values, wish = exchange_form.sent(request.form, kind, feed), exchange_form.wish_of(request.form)
    try:
        with desk() as use:
            entry = managing(use).add(values, wish)
    except Unfit as unfit:
        return _again(None, kind, feed, values, wish, unfit)
    undo = Undo(url_for("exchanges_settings.undo", exchange=entry.id), version=entry.version)
    where = url_for("exchanges.one", exchange=entry.id)
    return done(gettext("%(name)s is added", name=entry.name), then=where, undo=undo)


# --- changing


@blueprint.get("/admin/exchanges/<exchange>/change")
@signed_in
@needs("exchanges")
def edit(exchange: str) -> Response:
    """The form with its settings."""
    with desk() as use:
        managed = managing(use)
        entry = managed.entry(exchange)
        feed = request.args.get("feed") or str(entry.values.get("feed") or "")
        there, values = makes(use), entry.values
        if request.args.get("profile") in there:
            values = {**values, "profile": request.args["profile"]}
        form = exchange_form.made(entry.kind, feed, values, managed.branches(), there, entry=entry)
        return page(use, "exchanges/edit.html", form=form, entry=entry, version=entry.version)


@blueprint.post("/admin/exchanges/<exchange>/change")
@signed_in
@needs("exchanges")
def change(exchange: str) -> Response:
    """Saves them; where somebody else was quicker, shows both."""
    with desk() as use:
        entry = managing(use).entry(exchange)
    feed = request.form.get("feed") or str(entry.values.get("feed") or "")
    values, wish = exchange_form.sent(request.form, entry.kind, feed), exchange_form.wish_of(request.form)
    try:
        with desk() as use:
            entry = managing(use).change(exchange, values, wish, _version())
    except (Unfit, Conflict) as problem:
        return _again(exchange, entry.kind, feed, values, wish, problem)
    undo = Undo(url_for("exchanges_settings.undo", exchange=exchange), version=entry.version)
    return done(gettext("Saved"), then=url_for("exchanges.one", exchange=exchange), undo=undo)


def _again(
    exchange: str | None, kind: str, feed: str, values: Mapping[str, Any], wish: SecretWish, problem: Unfit | Conflict
) -> Response:
    """The form once more, with everything that was entered but the secret."""
    unfit = problem if isinstance(problem, Unfit) else None
    with desk() as use:
        managed = managing(use)
        entry = managed.entry(exchange) if exchange is not None else None
        theirs = entry.values if entry is not None and unfit is None else None
        form = exchange_form.made(
            kind, feed, values, managed.branches(), makes(use), entry=entry, wish=wish, unfit=unfit, theirs=theirs
        )
        template = "exchanges/add.html" if entry is None else "exchanges/edit.html"
        version = 0 if entry is None else entry.version if theirs is not None else _version()
        answer = page(
            use, template, form=form, entry=entry, version=version, conflict=theirs is not None, typed=bool(wish.typed)
        )
        answer.status_code = 422 if unfit else 409
        return answer


# --- pausing, removing, and back


@blueprint.get("/admin/exchanges/<exchange>/do/<act>")
@signed_in
@needs("exchanges")
def ask(exchange: str, act: str) -> Response:
    """What an act will do, before it is done."""
    with desk() as use:
        entry = managing(use).entry(exchange)
        doing = ACTS.get(act)
        if doing is None or not doing.what:
            abort(404)
        values = {"entry": entry, "act": act, "doing": doing}
        if asked_for() == "y-dialog":
            return fragment("exchanges/ask.html", **values)
        return page(use, "exchanges/ask_page.html", **values)


@blueprint.post("/admin/exchanges/<exchange>/do/<act>")
@signed_in
@needs("exchanges")
def act_on(exchange: str, act: str) -> Response:
    """Does it."""
    with desk() as use:
        managed = managing(use)
        managed.entry(exchange)
        doing = ACTS.get(act)
        if doing is None:
            abort(404)
        entry = doing.do(managed, exchange, _version())
    undo = Undo(url_for("exchanges_settings.undo", exchange=exchange), version=entry.version)
    there = url_for("exchanges.show") if entry.removed else url_for("exchanges.one", exchange=exchange)
    return done(f"{entry.name}: {doing.said}", then=there, undo=undo)


@blueprint.post("/admin/exchanges/<exchange>/undo")
@signed_in
@needs("exchanges")
def undo(exchange: str) -> Response:
    """Takes the last change back."""
    with desk() as use:
        entry = managing(use).undo(exchange, _version())
    where = url_for("exchanges.one", exchange=exchange) if entry else url_for("exchanges.show")
    return done(gettext("Undone"), then=where)


# --- testing


@blueprint.post("/admin/exchanges/<exchange>/test")
@signed_in
@needs("exchanges")
def test(exchange: str) -> Response:
    """Has the connection tested as it is saved."""
    with desk() as use:
        number = managing(use).test(exchange)
    return _testing(number)


@blueprint.post("/admin/exchanges/new-exchange/test", endpoint="test_new")
@blueprint.post("/admin/exchanges/<exchange>/test-form", endpoint="test_form")
@signed_in
@needs("exchanges")
def test_form(exchange: str = "") -> Response:
    """Has the settings tested that stand in the form; nothing is saved."""
    with desk() as use:
        managed = managing(use)
        entry = managed.entry(exchange) if exchange else None
        kind, feed = _kind_sent(entry)
        values, wish = exchange_form.sent(request.form, kind, feed), exchange_form.wish_of(request.form)
        try:
            number = managed.test_values(exchange, values, wish)
        except Unfit as unfit:
            faults = [(exchange_words.label(fault.field), exchange_words.said(fault)) for fault in unfit.faults]
            return fragment("exchanges/test_unfit.html", faults=faults)
    return _testing(number)


def _testing(number: int) -> Response:
    with desk() as use:
        return _shown(use, number)


@blueprint.get("/admin/exchange-tests/<int:test_id>")
@signed_in
@needs("exchanges")
def tested(test_id: int) -> Response:
    """What a test found so far; fetched until it is done."""
    with desk() as use:
        return _shown(use, test_id)


def _shown(use: Desk, number: int) -> Response:
    found = managing(use).tested(number)
    late = not found.done and formats.now() - found.at > ANSWERED_WITHIN
    values = {"number": number, "test": found, "it": found.findings, "late": late}
    if asked_for() or "HX-Request" in request.headers:
        return fragment("exchanges/test.html", **values)
    return page(use, "exchanges/test_page.html", **values)


# --- small things


def _version() -> int:
    text = request.form.get("version", "")
    if not text.isdecimal():
        raise Invalid("This form is not whole; load the page again", "version", "no-version")
    return int(text)


def _is_kind(kind: str, feed: str) -> bool:
    return kind in exchange_form.kinds() and (kind != "smdr" or feed in exchange_form.feeds())


def _kind_sent(entry: Entry | None = None) -> tuple[str, str]:
    kind = entry.kind if entry is not None else request.form.get("kind", "")
    feed = request.form.get("feed", "")
    if entry is None and not _is_kind(kind, feed):
        raise Invalid("Choose what kind of exchange it is", "kind", "wrong-kind")
    return kind, feed


def settings_of(use: Desk, exchange: str) -> Any:
    """What the panel of settings shows: the entry, and its groups in words."""
    entry = managing(use).entry(exchange)
    feed = str(entry.values.get("feed") or "")
    branches = [(entry.branch, entry.branch_name)]
    shown = exchange_form.made(entry.kind, feed, entry.values, branches, makes(use), entry=entry)
    return {"entry": entry, "form": shown}


def removed(use: Desk) -> list[Entry]:
    """Those that can be brought back."""
    return [entry for entry in managing(use).entries() if entry.removed]
