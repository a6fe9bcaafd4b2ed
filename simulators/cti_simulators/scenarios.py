"""Scenarios: what is to happen in one call, as data. From code, or from TOML files (``config/scenarios``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

Kind = Literal["phone", "queue", "internal", "outbound"]
Outcome = Literal["answered", "given-up", "timeout", "busy", "congestion", "voicemail"]
Side = Literal["caller", "callee"]
Seconds = Annotated[float, Field(ge=0)]
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]*$")]
WITHHELD = "anonymous"
"""The word that stands in place of a number that the caller withheld."""


class ScenarioError(ValueError):
    """A scenario that can't be played; the text says where and what is expected."""


_CHECKED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer during the talk. ``blind``: sent on by REFER. ``attended``: the colleague is asked first, then joined
    by REFER with Replaces."""

    __pydantic_config__ = _CHECKED

    kind: Literal["blind", "attended"]
    to: Line
    after: Seconds = 4.0
    """Seconds of talk before it."""
    ring: Seconds = 3.0
    """Seconds that the colleague's phone rings."""
    consult: Seconds = 4.0
    """Attended: seconds the two talk before they join the caller."""
    answered: bool = True
    """Blind: whether the colleague takes it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call. Seconds are simulated seconds. Raises ValueError when it can't be played."""

    __pydantic_config__ = _CHECKED

    kind: Kind = "phone"
    caller: Line = WITHHELD
    """``phone`` and ``queue``: the outside number; ``internal`` and ``outbound``: the extension that dials."""
    name: Line = ""
    """The caller's name as the carrier sends it."""
    to: Line = ""
    """The number dialled: our own (DID), an extension, or an outside number."""
    rings: tuple[Line, ...] = ()
    """The extensions that ring; a queue without any rings its members."""
    by: Line = ""
    """Who answers; empty: the first that rings."""
    queue: Line = ""
    outcome: Outcome = "answered"
    ring: Seconds = 4.0
    """Seconds until it is answered, given up or timed out."""
    talk: Seconds = 20.0
    """Seconds after the answer (voicemail: of the message)."""
    hangup: Side = "caller"
    menu: Seconds = 0.0
    """``queue``: seconds in the voice menu before the queue; 0: no menu."""
    hold: tuple[Seconds, Seconds] | None = None
    """Seconds of talk before a hold, and of the hold."""
    transfer: Transfer | None = None
    at: Seconds = 0.0
    """In a file of several: seconds after the beginning."""

    def __post_init__(self) -> None:
        if not self.to:
            raise ValueError("to is missing; it is the number that is dialled")
        if self.kind == "queue" and not self.queue:
            raise ValueError("a call of kind queue needs the queue's name")
        if self.kind == "phone" and not self.rings:
            raise ValueError("a call of kind phone needs rings, the extensions that ring")
        if self.by and self.rings and self.by not in self.rings:
            raise ValueError(f"{self.by} can't answer, it doesn't ring")

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
    try:
        return _SCENARIO.validate_python(entry)
    except ValidationError as bad:
        problem = bad.errors()[0]
        raise ScenarioError(f"{where}: {_said(problem)}") from bad


_SCENARIO = TypeAdapter(Scenario)


def _said(problem: Any) -> str:
    """What is wrong, as a sentence that names the entry."""
    name = ".".join(str(part) for part in problem["loc"]) or "it"
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no “{name}”; the entries of a call are {', '.join(each.name for each in fields(Scenario))}"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"
