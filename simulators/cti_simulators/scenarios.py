"""Scenarios: what is to happen in one call, as data. From code, or from TOML files (``config/scenarios``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["phone", "queue", "internal", "outbound"]
Outcome = Literal["answered", "given-up", "timeout", "busy", "congestion", "voicemail"]
Side = Literal["caller", "callee"]
WITHHELD = "anonymous"
"""The word that stands in place of a number that the caller withheld."""


class ScenarioError(ValueError):
    """A scenario that can't be played; the text says where and what is expected."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer during the talk. ``blind``: sent on by REFER. ``attended``: the colleague is asked first, then joined
    by REFER with Replaces."""

    kind: Literal["blind", "attended"]
    to: str
    after: float = 4.0
    """Seconds of talk before it."""
    ring: float = 3.0
    """Seconds that the colleague's phone rings."""
    consult: float = 4.0
    """Attended: seconds the two talk before they join the caller."""
    answered: bool = True
    """Blind: whether the colleague takes it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call. Seconds are simulated seconds."""

    kind: Kind = "phone"
    caller: str = WITHHELD
    """``phone`` and ``queue``: the outside number; ``internal`` and ``outbound``: the extension that dials."""
    name: str = ""
    """The caller's name as the carrier sends it."""
    to: str = ""
    """The number dialled: our own (DID), an extension, or an outside number."""
    rings: tuple[str, ...] = ()
    """The extensions that ring; a queue without any rings its members."""
    by: str = ""
    """Who answers; empty: the first that rings."""
    queue: str = ""
    outcome: Outcome = "answered"
    ring: float = 4.0
    """Seconds until it is answered, given up or timed out."""
    talk: float = 20.0
    """Seconds after the answer (voicemail: of the message)."""
    hangup: Side = "caller"
    menu: float = 0.0
    """``queue``: seconds in the voice menu before the queue; 0: no menu."""
    hold: tuple[float, float] | None = None
    """Seconds of talk before a hold, and of the hold."""
    transfer: Transfer | None = None
    at: float = 0.0
    """In a file of several: seconds after the beginning."""

    @property
    def answering(self) -> str:
        """The extension that answers."""
        return self.by or (self.rings[0] if self.rings else "")


@dataclass(frozen=True, slots=True)
class Site:
    """The simulated exchange: who has which phone, and who sits in which queue."""

    id: str
    extensions: Mapping[str, str]
    """Extension -> the name on its display."""
    main_number: str
    """The number that outgoing calls present."""
    queues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Queue -> its members' extensions."""
    trunk: str = "trunk"
    timezone: str = "Asia/Tokyo"


def load(path: Path) -> list[Scenario]:
    """The scenarios of a TOML file, each a ``[[call]]`` table. Raises ScenarioError naming file and call."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as bad:
        raise ScenarioError(f"{path}: the scenarios can't be read: {bad}") from bad
    calls = document.get("call")
    if not isinstance(calls, list) or not calls or set(document) != {"call"}:
        raise ScenarioError(f"{path}: a scenario file holds one or more [[call]] tables and nothing else")
    return [parse(entry, f"{path}, call {number}") for number, entry in enumerate(calls, 1)]


def parse(entry: Mapping[str, Any], where: str = "the scenario") -> Scenario:
    """A scenario from plain data. Raises ScenarioError."""
    values = dict(entry)
    _known(Scenario, values, where)
    if "transfer" in values:
        moved = dict(values["transfer"])
        _known(Transfer, moved, f"{where}, transfer")
        _typed(Transfer, moved, f"{where}, transfer")
        if not moved.get("kind") or not moved.get("to"):
            raise ScenarioError(f"{where}: a transfer needs its kind (blind or attended) and to")
        values["transfer"] = Transfer(**moved)
    for key in ("rings", "hold"):
        if key in values:
            values[key] = tuple(values[key])
    _typed(Scenario, values, where)
    made = Scenario(**values)
    _fits(made, where)
    return made


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(Kind) + get_args(Literal["blind", "attended"]),
    "outcome": get_args(Outcome),
    "hangup": get_args(Side),
}
_SECONDS = {"ring", "talk", "menu", "at", "after", "consult"}
_WORDS = {"caller", "name", "to", "by", "queue"}


def _known(model: type, values: Mapping[str, Any], where: str) -> None:
    names = [each.name for each in fields(model)]
    for key in values:
        if key not in names:
            raise ScenarioError(f"{where}: there is no “{key}”; there are {', '.join(names)}")


def _typed(model: type, values: Mapping[str, Any], where: str) -> None:
    for key, value in values.items():
        if key in _CHOICES:
            kinds = get_args(Kind) if model is Scenario else ("blind", "attended")
            choices = kinds if key == "kind" else _CHOICES[key]
            if value not in choices:
                raise ScenarioError(f"{where}: {key} is one of {', '.join(choices)}, not {value!r}")
        elif key in _SECONDS and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise ScenarioError(f"{where}: {key} is a number of seconds, 0 or more, not {value!r}")
        elif key in _WORDS and (not isinstance(value, str) or any(sign in value for sign in "\r\n\0")):
            raise ScenarioError(f"{where}: {key} is a text of one line in quotation marks, not {value!r}")


def _fits(made: Scenario, where: str) -> None:
    if not made.to:
        raise ScenarioError(f"{where}: to is missing; it is the number that is dialled")
    if made.kind == "queue" and not made.queue:
        raise ScenarioError(f"{where}: a call of kind queue needs the queue's name")
    if made.kind == "phone" and not made.rings:
        raise ScenarioError(f"{where}: a call of kind phone needs rings, the extensions that ring")
    if made.by and made.rings and made.by not in made.rings:
        raise ScenarioError(f"{where}: {made.by} can't answer, it doesn't ring")
    if made.hold is not None and len(made.hold) != 2:
        raise ScenarioError(f"{where}: hold is [seconds of talk before it, seconds of the hold]")
