"""Scenarios: what is to happen in one call, as data. From code, or from TOML files (``config/scenarios``)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from cti_server.settings import line_of

Kind = Literal["phone", "queue", "internal", "outbound", "click-to-dial", "conference"]
Outcome = Literal["answered", "given-up", "timeout", "busy", "congestion", "voicemail", "away"]
Side = Literal["caller", "callee"]
Disposition = Literal["answered", "missed", "abandoned", "busy", "failed", "voicemail"]
DAY = 86_400
"""Seconds; what takes longer counts as never ending."""
Seconds = Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]*$")]
PROMPT = 3.2
"""Seconds that the first participant of a conference hears before the join."""
WITHHELD = "anonymous"
"""The word that stands in place of a number that the caller withheld."""


class ScenarioError(ValueError):
    """A scenario that can't be played; the text says where and what is expected."""


_CHECKED = ConfigDict(extra="forbid", use_attribute_docstrings=True)
OUTCOMES: Mapping[str, tuple[Outcome, ...]] = {
    "phone": ("answered", "given-up", "timeout", "busy", "voicemail", "away"),
    "internal": ("answered", "given-up", "timeout", "busy", "voicemail", "away"),
    "queue": ("answered", "given-up", "timeout"),
    "outbound": ("answered", "given-up", "timeout", "busy", "congestion"),
    "click-to-dial": ("answered", "given-up", "timeout", "busy", "congestion"),
    "conference": ("answered",),
}
"""What a call of each kind can end in."""


@with_config(ConfigDict(extra="forbid"))
class Expected(TypedDict, total=False):
    """The call that must come out, as far as it is said: names and meanings are those of ``cti trace``. An empty text
    stands for null."""

    direction: Literal["in", "out", "internal"]
    disposition: Disposition
    answered: bool
    caller_number: str
    caller_name: str
    dialed_number: str
    presented_number: str
    answered_by_extension: str
    answered_by_number: str
    rang_extensions: list[str]
    attempted_extensions: list[str]
    queue: str
    transferred_to: list[str]
    final_extension: str
    hangup_by: Literal["caller", "callee", "pbx", ""]
    voicemail_left: bool
    ring_seconds: float
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float


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
    returns: Seconds = 0.0
    """Blind, and the colleague doesn't take it: seconds that it then rings where it came from until it is taken there;
    0: it ends."""
    joined: bool = True
    """Attended: whether the colleague takes the caller; otherwise who asked goes back to the caller."""
    expect: Expected = field(default_factory=Expected, hash=False)
    """Attended, not joined: asking was a call of its own, which must come out so."""


@dataclass(frozen=True, slots=True)
class Parking:
    """The call is parked during the talk and fetched by a colleague."""

    __pydantic_config__ = _CHECKED

    by: Line
    """The extension that fetches it."""
    after: Seconds = 4.0
    """Seconds of talk before it."""
    seconds: Annotated[float, Field(ge=3, le=39, allow_inf_nan=False)] = 8.0
    """Seconds in the parking lot; after 40 it would come back."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A colleague who joins a conference: a call of its own."""

    __pydantic_config__ = _CHECKED

    extension: Line
    after: Seconds
    """Seconds after the caller joined."""
    stays: Seconds
    expect: Expected = field(default_factory=Expected, hash=False)
    """The call that must come out of it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One call. Seconds are simulated seconds. Raises ValueError when it can't be played."""

    __pydantic_config__ = _CHECKED

    kind: Kind = "phone"
    caller: Line = WITHHELD
    """``phone`` and ``queue``: the outside number; the other kinds: the extension that dials (or is rung first)."""
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
    picked_up_by: Line = ""
    """``phone``: a colleague who fetches the call from the phone that rings."""
    park: Parking | None = None
    forward: Line = ""
    """``phone``: where it is forwarded to, an outside number or an extension: by the phone that ``rings`` (which
    refuses it), or without any by the dialplan."""
    one_by_one: Seconds = 0.0
    """``queue``: seconds that each member rings before the next does, down to ``by`` (the last, unless set), who takes
    it after ``ring`` (``timeout``: nobody does); 0: all ring at once."""
    early: bool = True
    """``queue``: the exchange answers first, the caller hears music; false: only with the member who takes it."""
    room: Line = ""
    """``conference``: the room's number."""
    guests: tuple[Guest, ...] = ()
    """``conference``: who else joins, one after the other; the caller leaves last."""
    phone: Literal["lifted", "rings", "busy"] = "lifted"
    """``click-to-dial``: what becomes of the extension's own telephone, which rings first."""
    at: Seconds = 0.0
    """In a file of several: seconds after the beginning."""
    title: Line = ""
    """What the call is about, in a few words."""
    expect: Expected = field(default_factory=Expected, hash=False)
    """The call that must come out of it."""

    def __post_init__(self) -> None:
        if not self.to:
            raise ValueError("to is missing; it is the number that is dialled")
        if self.kind == "queue" and not self.queue:
            raise ValueError("a call of kind queue needs the queue's name")
        if self.kind == "phone" and not self.rings and not self.forward:
            raise ValueError("a call of kind phone needs rings, the extensions that ring, or forward")
        if self.by and self.rings and self.by not in self.rings:
            raise ValueError(f"{self.by} can't answer, it doesn't ring")
        if self.outcome not in OUTCOMES[self.kind]:
            possible = ", ".join(OUTCOMES[self.kind])
            raise ValueError(f"a call of kind {self.kind} can't end in {self.outcome}; it can in: {possible}")
        self._check_ways()
        self._check_talk()

    def _check_ways(self) -> None:
        """What only some kinds of calls can do."""
        for name, value in (("picked_up_by", self.picked_up_by), ("forward", self.forward), ("park", self.park)):
            if value and self.kind != "phone":
                raise ValueError(f"a call of kind {self.kind} has no {name}; only one of kind phone can")
        if (self.picked_up_by or self.park or not self.early) and self.outcome != "answered":
            raise ValueError(f"a call that is picked up, parked, or not early is answered, not {self.outcome}")
        if self.forward and self.outcome not in ("answered", "given-up", "timeout"):
            raise ValueError("a call that is forwarded ends in answered, given-up or timeout")
        if self.forward and len(self.rings) > 1:
            raise ValueError("one phone forwards a call; rings names at most one")
        if self.one_by_one and (self.kind != "queue" or self.outcome == "given-up"):
            raise ValueError("only a queue rings one_by_one, and nobody gives up in it")
        if not self.one_by_one and self.kind == "queue" and (not self.early or self.outcome == "timeout"):
            raise ValueError("only a queue that rings one_by_one is not early, or ends in timeout")
        if self.kind == "conference" and not self.room:
            raise ValueError("a call of kind conference needs the room's number")
        if self.guests and self.kind != "conference":
            raise ValueError(f"a call of kind {self.kind} has no guests; one of kind conference has")
        self._check_guests()

    def _check_guests(self) -> None:
        left = 0.0
        for guest in sorted(self.guests, key=lambda one: one.after):
            if guest.after < left or guest.after + guest.stays > self.talk:
                raise ValueError(
                    f"{guest.extension} has to join after who was there before and leave before the caller"
                )
            left = guest.after + guest.stays

    def _check_talk(self) -> None:
        """What happens in the talk has to fit into it."""
        if self.transfer is not None and self.kind != "phone":
            raise ValueError(f"a call of kind {self.kind} can't be transferred; only one of kind phone can")
        if self.hold is not None and self.kind == "queue":
            raise ValueError("a call of kind queue can't be held; a call of kind phone can")
        if self.outcome != "answered":
            return
        if self.hold is not None and sum(self.hold) > self.talk:
            raise ValueError(f"the hold ends {sum(self.hold):g} s after the answer, the talk after {self.talk:g} s")
        before = sum(self.hold) if self.hold is not None else 0.0
        if self.park is not None and before + self.park.after + self.park.seconds > self.talk:
            raise ValueError(
                f"the call is fetched {before + self.park.after + self.park.seconds:g} s after the answer, the talk "
                f"ends after {self.talk:g} s"
            )
        if self.transfer is not None and before + self.transfer.after > self.talk:
            raise ValueError(
                f"the transfer begins {before + self.transfer.after:g} s after the answer, the talk ends after "
                f"{self.talk:g} s"
            )

    @property
    def meant(self) -> list[tuple[str, float, Expected]]:
        """The calls that must come out of it: each with a title, its beginning (seconds as ``at``) and what is
        expected."""
        calls = [(self.title, self.at, self.expect)]
        transfer = self.transfer
        if transfer is not None and transfer.kind == "attended" and not transfer.joined:
            asked = self.at + self.ring + (sum(self.hold) if self.hold is not None else 0.0) + transfer.after
            calls.append((f"{self.title}: {transfer.to}", asked, transfer.expect))
        joined = self.at + PROMPT
        return calls + [(f"{self.title}: {one.extension}", joined + one.after, one.expect) for one in self.guests]

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

    def check(self, scenario: Scenario) -> None:
        """Raises ValueError where a scenario names an extension or a queue that isn't there."""
        ours = [*scenario.rings, scenario.by, scenario.transfer.to if scenario.transfer else "", scenario.picked_up_by]
        ours += [scenario.park.by if scenario.park else "", *(guest.extension for guest in scenario.guests)]
        if scenario.kind not in ("phone", "queue", "conference"):
            ours.append(scenario.caller)
        if scenario.kind == "internal":
            ours.append(scenario.to)
        for extension in filter(None, ours):
            if extension not in self.extensions:
                raise ValueError(f"there is no extension {extension}; there are {', '.join(self.extensions)}")
        if scenario.kind == "queue" and not scenario.rings and scenario.queue not in self.queues:
            raise ValueError(f"there is no queue {scenario.queue}; there are {', '.join(self.queues)}, or name rings")


SMALL_OFFICE = Site(
    id="office",
    extensions={"2001": "SA1", "2002": "SA2", "2003": "SA3", "2004": "SA4"},
    main_number="0312345600",
    queues={"sales": ("2001", "2002"), "support2": ("2004", "2002")},
)
"""The exchange of the recorded traces; what scenario files play on."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to the exchange itself."""

    __pydantic_config__ = _CHECKED

    does: Literal["cut", "half-open", "kill", "restart", "storm"]
    """``cut``: every link breaks, the calls go on. ``half-open``: links stay, but nothing is said on them, and then
    they break. ``kill``: without power, every call is gone. ``restart``: the exchange ends every call in order, says so
    and begins anew. ``storm``: events that mean nothing."""
    at: Seconds
    """Seconds after the beginning."""
    seconds: Seconds = 3.0
    """How long it lasts: nobody can connect; of a storm: over how long its events are spread."""
    events: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """``storm``: how many."""


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """A file of scenarios."""

    __pydantic_config__ = _CHECKED

    call: tuple[Scenario, ...]
    """The calls, in any order; each has its own time (``at``)."""
    title: Line = ""
    """What it shows, in a few words."""
    about: str = ""
    """More about it."""
    seed: int = 1
    """Everything by chance comes from it, unless another is given."""
    exchange: tuple[Happening, ...] = ()
    """What happens to the exchange itself."""

    def __post_init__(self) -> None:
        if not self.call:
            raise ValueError("a scenario file holds one or more [[call]] tables")


def with_happening(file: ScenarioFile, does: str) -> ScenarioFile:
    """The same file with something that happens in the middle of its first call. Raises ScenarioError."""
    first = min(file.call, key=lambda call: call.at)
    at = first.at + (first.ring + first.talk / 2 if first.outcome == "answered" else first.ring / 2)
    try:
        happening = _HAPPENING.validate_python({"does": does, "at": at, "seconds": 5.0})
    except ValidationError as bad:
        raise ScenarioError(f"nothing is called {does} that may happen to an exchange") from bad
    return replace(file, exchange=(*file.exchange, happening))


def load(path: Path, site: Site = SMALL_OFFICE) -> ScenarioFile:
    """A scenario file. Raises ScenarioError naming file, line and what is expected, for every fault."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise ScenarioError(f"{path}: the scenarios can't be read: {bad}") from bad
    return loads(text, str(path), site)


def loads(text: str, name: str = "the scenario", site: Site = SMALL_OFFICE) -> ScenarioFile:
    """The same from a file's text; ``name`` stands before each line's number."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        raise ScenarioError(f"{name}: this is not TOML: {bad}") from bad
    try:
        made = _FILE.validate_python(document)
    except ValidationError as bad:
        raise ScenarioError("\n".join(_at_line(name, text, problem) for problem in bad.errors())) from bad
    faults = []
    for number, scenario in enumerate(made.call):
        try:
            site.check(scenario)
        except ValueError as bad:
            faults.append(f"{name}, line {line_of(text, ('call', number))}: {bad}")
    if faults:
        raise ScenarioError("\n".join(faults))
    return made


def parse(entry: Mapping[str, Any], where: str = "the scenario") -> Scenario:
    """A scenario from plain data. Raises ScenarioError."""
    try:
        return _SCENARIO.validate_python(entry)
    except ValidationError as bad:
        problem = bad.errors()[0]
        raise ScenarioError(f"{where}: {_said({**problem, 'loc': ('call', 0, *problem['loc'])})}") from bad


def schema() -> str:
    """The JSON Schema of a scenario file, as it is shipped beside them: editors check and complete by it."""
    return json.dumps(_FILE.json_schema(), indent=2, ensure_ascii=False) + "\n"


_SCENARIO = TypeAdapter(Scenario)
_FILE = TypeAdapter(ScenarioFile)
_HAPPENING = TypeAdapter(Happening)


def _at_line(name: str, text: str, problem: Any) -> str:
    where = tuple(problem["loc"])
    line = line_of(text, where)
    if "expect" in where[:-1]:
        # A table of its own below its call: the entry stands further down.
        below = enumerate(text.splitlines()[line - 1 :], line)
        line = next((at for at, each in below if each.split("=")[0].strip() == where[-1]), line)
    return f"{name}, line {line}: {_said(problem)}"


def _said(problem: Any) -> str:
    """What is wrong, as a sentence that names the entry."""
    where = problem["loc"]
    table = {"exchange": Happening, "call": Scenario}.get(where[0] if len(where) > 2 else "", ScenarioFile)
    if where == ("call",):
        return "a scenario file holds one or more [[call]] tables"
    inside = where[2:] if where[:1] in (("call",), ("exchange",)) else where
    name = ".".join(str(part) for part in inside)
    kind = problem["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        if "expect" in where[:-1]:
            return f"a call has no “{where[-1]}” to expect; it has {', '.join(Expected.__annotations__)}"
        return f"there is no “{name}”; there are {', '.join(each.name for each in fields(table))}"
    if kind in ("less_than_equal", "finite_number") and where[-1] != "events":
        return f"{name} is {problem['input']}: it would never end; a scenario has at most {DAY} seconds (a day)"
    said = problem["msg"].removeprefix("Value error, ")
    return f"{name}: {said}" if name else said
