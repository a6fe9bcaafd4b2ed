"""The tester's simulator: a scenario played to the server's own codec and fold; what was sent, what was made of it, and
where that differs from what the scenario says must come out (spec O4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext

from cti_adapters import profiles
from cti_adapters.exchanges.dry_run import Heard
from cti_server.exchanges.playing import KIND, MOST_TEXT, SPEEDS, UP, PlayDesk
from cti_server.shared.errors import Invalid
from cti_web import rehearsing
from cti_web.answers import asked_for, fragment, page
from cti_web.typed import whole
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk
    from cti_server.calls.views import ExchangeRow

blueprint = Blueprint("sim", __name__)

_ = lazy_gettext

SHOWN: Final = 400
"""The timeline holds so many entries; the reading takes in all."""
ALIKE: Final = 4
"""From so many messages of the same name in a row on, only the first is shown, with their number."""
OWN: Final = "own"
AMI: Final = "ami"
TITLES: Final[dict[str, LazyString]] = {
    "answered": _("Answered, hung up by either side"),
    "missed": _("Nobody takes it"),
    "busy": _("The extension is busy, or not there"),
    "voicemail": _("Left a message, or none"),
    "withheld": _("The number is withheld"),
    "names": _("Names that carriers send"),
    "hold": _("Put on hold"),
    "ring-group": _("Several extensions ring at once"),
    "blind-transfer": _("Transferred without asking"),
    "attended-transfer": _("Transferred after asking"),
    "transfer-returns": _("Handed on, not taken, and back again"),
    "consultation-returns": _("A colleague is asked and doesn't take the caller"),
    "pickup": _("A colleague picks up a phone that rings"),
    "parking": _("Parked and fetched by a colleague"),
    "forwarding": _("Forwarded to a mobile or to a colleague"),
    "conference": _("A conference room"),
    "queue": _("A queue in which all members ring"),
    "queue-in-turn": _("A queue whose members ring one after the other"),
    "voice-menu": _("A voice menu before the queue"),
    "internal": _("Between two extensions"),
    "outbound": _("To the outside"),
    "click-to-dial": _("Dialled by a program"),
    "several-at-once": _("Several calls at the same moment"),
    "cut-link": _("The link is cut during a call"),
    "restarted": _("The exchange is restarted during a call"),
    "killed": _("The exchange loses its power during a call"),
    "storm": _("A storm of events without meaning"),
    "kinds": _("One call of each kind"),
}


class Fault(NamedTuple):
    """A fault that can be switched on. ``sight``: what is to be seen then. ``values``: of the line. ``happens``: what
    befalls the exchange in the middle of the first call."""

    text: LazyString
    sight: LazyString
    values: Mapping[str, float] = MappingProxyType({})
    happens: str = ""


_SAME: Final = _("Everything is read as expected.")
FAULTS: Final[dict[str, Fault]] = {
    "tiny": Fault(_("Tiny reads, 3 bytes at a time"), _SAME, {"piece_bytes": 3}),
    "split": Fault(_("Characters cut between their bytes"), _SAME, {"split_characters": True}),
    "together": Fault(_("Much at once, twice a second"), _SAME, {"together_seconds": 0.5}),
    "duplicate": Fault(
        _("Every tenth message twice"),
        _("Everything is read as expected; nothing is counted twice."),
        {"duplicate": 0.1},
    ),
    "reorder": Fault(
        _("Every tenth message too late"),
        _("The calls are all there; a detail that came too late may differ."),
        {"reorder": 0.1},
    ),
    "garbage": Fault(
        _("Bytes without meaning between messages"),
        _("The pieces are kept and counted as unreadable; the calls are read as expected."),
        {"garbage": 0.1},
    ),
    "skew": Fault(
        _("The exchange's clock is 90 seconds fast"), _("The calls begin 90 seconds later; nothing else changes.")
    ),
    "half-open": Fault(
        _("The link falls silent during the first call"),
        _("A gap of 5 seconds and a second connection. What ended meanwhile has no exact end; records of it are lost."),
        happens="half-open",
    ),
    "storm": Fault(
        _("1,000 events without meaning during the first call"),
        _("They stand in the list as one line; everything is read as expected."),
        happens="storm",
    ),
    "kill": Fault(
        _("The exchange loses its power during the first call"),
        _("The call is there without an end that anybody saw, and without a record; it differs from what was meant."),
        happens="kill",
    ),
}
SKEW: Final = 90.0


class Entry(NamedTuple):
    """One line of the timeline. ``after``: seconds after the beginning; ``times``: how many messages it stands for."""

    after: float
    heard: Heard
    times: int


@blueprint.get("/sim/live")
@signed_in
@needs("simulator")
def reloaded() -> Any:
    """The address of what was played, loaded again: nothing is played twice."""
    return redirect(url_for("sim.show"))


@blueprint.post("/sim/live")
@signed_in
@needs("simulator")
def on_exchange() -> Response:
    """Has a simulated exchange of this server play the scenario, pause, go on, step or stop."""
    command = request.form.get("act", "play")
    speed = request.form.get("live_speed", "1")
    text, played = "", None
    if command == "play":
        text = _text()
        # In memory too: so a file that can't be played is told, and what must come out of it stands beside.
        played = rehearsing.rehearse(rehearsing.Asked(text, f"{request.form.get('scenario', '')}.toml", 1, {}))
    with desk() as use:
        asked = PlayDesk(cast(Any, use.work).plays, use.viewer, use.clock, use.exchanges())
        stand = None
        if played is None or not played.fault:
            stand = asked.ask(request.form.get("exchange", ""), command, text, whole(speed) or 0)
    values: dict[str, Any] = {
        **_choices(),
        "stand": stand,
        "act": command,
        "played": played,
        "entries": entries(played) if played else [],
    }
    if asked_for() in ("y-sim", "y-sim-live"):
        return fragment("sim/live.html", **values)
    with desk() as use:
        return page(use, "sim/page.html", **values, exchanges=_playable(use))


@blueprint.route("/sim", methods=["GET", "POST"])
@signed_in
@needs("simulator")
def show() -> Response:
    """The page; after *play*, with what came of it."""
    played = _play() if request.method == "POST" else None
    values: dict[str, Any] = {
        **_choices(),
        "played": played,
        "entries": entries(played) if played else [],
    }
    if asked_for() == "y-sim":
        return fragment("sim/result.html", **values)
    with desk() as use:
        return page(use, "sim/page.html", **values, exchanges=_playable(use))


def _playable(use: Desk) -> list[ExchangeRow]:
    """The simulated exchanges that scenarios can be played on just now."""
    return [row for row in use.exchanges() if row.kind == KIND and row.state == UP]


def _choices() -> dict[str, Any]:
    """What the form offers, and what of it was chosen."""
    return {
        "scenarios": {
            name: TITLES.get(name) or rehearsing.title_of(path) for name, path in rehearsing.shipped().items()
        },
        "faults": FAULTS,
        "speeds": SPEEDS,
        "ami": AMI,
        "makes": {name: profile.title for name, profile in profiles.shipped().items() if profile.writes},
        "own": OWN,
        "asked": request.form,
    }


def _play() -> rehearsing.Rehearsed:
    chosen = [key for key in request.form.getlist("fault") if key in FAULTS]
    seed = request.form.get("seed", "1").strip() or "1"
    if whole(seed) is None:
        raise Invalid(gettext("The seed is a whole number."), "seed")
    text = _text()
    values = {key: value for fault in chosen for key, value in FAULTS[fault].values.items()}
    happens = [FAULTS[fault].happens for fault in chosen if FAULTS[fault].happens]
    profile = request.form.get("protocol", AMI)
    make = profiles.shipped().get(profile)
    if profile != AMI and not (make and make.writes):
        raise Invalid(gettext("Choose how the exchange speaks."), "protocol")
    return rehearsing.rehearse(
        rehearsing.Asked(
            text,
            f"{request.form.get('scenario', '')}.toml",
            int(seed),
            values,
            SKEW if "skew" in chosen else 0.0,
            happens,
            "" if profile == AMI else profile,
        )
    )


def _text() -> str:
    """The scenario file that was chosen."""
    name = request.form.get("scenario", "")
    if name == OWN:
        return _own_text()
    path = rehearsing.shipped().get(name)
    if path is None:
        raise Invalid(gettext("Choose a scenario."), "scenario")
    return path.read_text("utf-8")


def _own_text() -> str:
    file = request.files.get("file")
    raw = file.read(MOST_TEXT + 1) if file else b""
    try:
        text = raw.decode("utf-8") if raw else request.form.get("text", "")
    except UnicodeDecodeError as bad:
        raise Invalid(gettext("The file is not UTF-8; save it as UTF-8."), "file") from bad
    if len(raw) > MOST_TEXT or len(text) > MOST_TEXT:
        raise Invalid(gettext("A scenario file has at most 64 KiB."), "file")
    return text


def entries(played: rehearsing.Rehearsed) -> list[Entry]:
    """The timeline, at most ``SHOWN`` entries; many messages of the same name in a row are one."""
    found: list[list[Heard]] = []
    for one in played.heard:
        last = found[-1][0] if found else None
        if last is not None and (last.name, last.problem, last.connection) == (one.name, one.problem, one.connection):
            found[-1].append(one)
        else:
            found.append([one])
    lines: list[Entry] = []
    for run in found:
        shown = [(run[0], len(run))] if len(run) >= ALIKE else [(one, 1) for one in run]
        lines += [Entry(one.at - played.began, one, count) for one, count in shown]
    return lines[:SHOWN]


def gist(heard: Heard) -> str:
    """What a message is about, in short."""
    headers = dict(heard.headers)
    wanted = ("Channel", "DestChannel", "CallerIDNum", "DialStatus", "Queue", "Cause-txt", "Message")
    return " · ".join([headers[key] for key in wanted if headers.get(key)][:3])


@blueprint.app_template_filter("gist")
def _gist(heard: Heard) -> str:
    return gist(heard)


@blueprint.app_template_filter("plain_value")
def _plain_value(value: Any) -> str:
    """A field of a call as ``cti trace`` would print it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "[]"
    return str(value)
