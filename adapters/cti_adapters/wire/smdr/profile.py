"""What a profile says: how a make of exchange writes its records. `loading.load` makes one of a TOML file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cti_adapters.wire.smdr.converters import Value
from cti_server.calls.records import CallRecord

OUTPUTS: Final = CallRecord._fields[:-1]
"""What rules may set of a record (`CallRecord`); anything else that they set is one of its further values."""
STATUS: Final = "status"
"""What rules set to tell that a line is no finished call: ``shown`` (something is known of it) or ``bare``."""


class Place(NamedTuple):
    """Where a field stands. One of them is given."""

    at: int | None = None
    """Index of a CSV field, 0-based."""
    columns: tuple[int, int] | None = None
    """First and last column, 1-based."""
    key: str = ""
    """Key of a pair, header of a CSV column, or group of a pattern."""
    parts: tuple[str, ...] = ()
    """Other fields that make this one, joined by ``glue``."""
    glue: str = " "

    def __str__(self) -> str:
        if self.at is not None:
            return f"field {self.at}"
        if self.columns is not None:
            return f"columns {self.columns[0]}–{self.columns[1]}"
        return self.key or " + ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a layout."""

    name: str
    place: Place
    kind: str = "text"
    formats: tuple[str, ...] = ()
    nothing: re.Pattern[str] | None = None
    """What stands there where there is nothing to say."""
    take: re.Pattern[str] | None = None
    """Its first group is the value; where it is not found there is none."""
    must: re.Pattern[str] | None = None
    """Where the text is otherwise the layout does not fit."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which the records of a make look."""

    name: str
    kind: str
    fields: tuple[Field, ...]
    when: re.Pattern[str] | None = None
    lengths: tuple[int, int] | None = None
    delimiter: str = ","
    quoted: bool = True
    at_least: int = 1
    """Fewest fields of a CSV record."""
    pattern: re.Pattern[str] | None = None
    header: re.Pattern[str] | None = None
    """A line of a CSV that names its columns: it holds for the lines after it, until another comes."""


class Check(NamedTuple):
    """A condition on the text of a field: what it has to match, or how its number compares with another."""

    name: str
    pattern: re.Pattern[str] | None
    sign: str = ""
    number: int = 0
    wanted: bool = True


class Setting(NamedTuple):
    """What a rule sets: a constant, a field, or the seconds between two."""

    output: str
    constant: Value = None
    name: str = ""
    less: str = ""


class Rule(NamedTuple):
    """Where all conditions hold, sets what no rule before it has set."""

    checks: tuple[Check, ...]
    settings: tuple[Setting, ...]


class Part(NamedTuple):
    """What is written into a field is made of parts: a text, and what of the record comes after it, in which shape."""

    before: str
    name: str = ""
    shape: str = ""


class Writing(NamedTuple):
    """Where the record is so, gives the text of fields that none before it gave."""

    when: tuple[tuple[str, Value], ...]
    fields: tuple[tuple[str, tuple[Part, ...]], ...]


class Dialogue(NamedTuple):
    """A step of a sign-in; ``{password}`` stands for the exchange's secret."""

    expect: str
    send: str


class Sample(NamedTuple):
    """Lines and what they have to become: the records' fields, in order."""

    text: str
    expect: tuple[dict[str, Value], ...]
    line: int
    """Where it stands in the profile's file."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A make."""

    name: str
    title: str
    layouts: tuple[Layout, ...]
    rules: tuple[Rule, ...]
    description: str = ""
    sources: tuple[str, ...] = ()
    encoding: str = "utf-8"
    noise: tuple[re.Pattern[str], ...] = ()
    blocks: bool = False
    objects: bool = False
    """Whether the records are JSON objects, over however many lines each (``objects.py``)."""
    longest: int = 65536
    join: re.Pattern[str] | None = None
    """A line that goes on in the next one."""
    joined: re.Pattern[str] | None = None
    """What the next one has to look like to be that."""
    together: bool = False
    """Whether a record continues where a later one has the same call key: none says it itself."""
    feeds: tuple[str, ...] = ()
    """How the exchange is usually connected: ``connect``, ``listen``, ``serial``, ``files``, ``ami``."""
    port: int | None = None
    dialogue: tuple[Dialogue, ...] = ()
    additions: bool = False
    """Whether there are records that only add to the one before."""
    writes: str = ""
    """The name of the layout in which records are written; empty: the profile only reads."""
    writings: tuple[Writing, ...] = ()
    tests: tuple[Sample, ...] = field(default=())
