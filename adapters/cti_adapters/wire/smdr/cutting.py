"""Cuts a frame into fields by one layout of a profile, and gives each its value."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence, Set
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any, Final, NamedTuple

from cti_adapters.wire.smdr.converters import CONVERTERS, Value
from cti_adapters.wire.smdr.profile import Field, Layout

UNLIKE: Final = "it does not look like"
REMEMBERED: Final = 1024
"""So many texts of a layout's fields at most are remembered, with what they mean."""
REMEMBERED_LENGTH: Final = 64
"""Longer texts aren't: a feed of rubbish must not fill the memory."""


class Unfit(ValueError):
    """A frame is no record of a layout; the text is the end of a sentence."""


class Cut(NamedTuple):
    """A frame's fields in the layout's order: their texts, their values (None: nothing is said), the marks of all
    together, and a sentence with the place of each that makes no sense."""

    texts: list[str]
    values: list[Value]
    marks: int
    problems: list[tuple[int, str]]


class _Meaning(NamedTuple):
    """What the text of a field means, wherever it comes again."""

    text: str
    value: Value
    marks: int
    problem: str


Columns = dict[str, int]
"""Where the columns of a CSV are that a line has named, by their names in small letters; empty: none has come yet."""
Marks = Callable[[str, Value], int]
"""From a field's text and value to bits that say what holds of it."""


def wanted(layout: Layout, needed: Set[str]) -> tuple[Field, ...]:
    """The fields that have to be cut where ``needed`` ones are asked for: these, what they are made of, and those that
    decide whether the layout fits."""
    names = set(needed) | {one.name for one in layout.fields if one.must is not None}
    fields: list[Field] = []
    for one in reversed(layout.fields):
        if one.name in names:
            names.update(one.place.parts)
            fields.append(one)
    return tuple(reversed(fields))


class Cutter:
    """Cuts by a layout, whose ``fields`` are wanted; ``marks`` by the names of fields.

    All that is known of a field is bound here, once, and the meaning of a text is found out once: thousands of records
    a second pass, and most of their texts came before.
    """

    def __init__(
        self, layout: Layout, fields: Sequence[Field], marks: dict[str, Marks], columns: Columns | None = None
    ) -> None:
        self._layout = layout
        if layout.header is not None:
            self._find = _csv_by_names(layout, fields, {} if columns is None else columns)
        else:
            self._find = _FINDERS[layout.kind](layout, fields)
        places = {one.name: place for place, one in enumerate(fields)}
        self._room = REMEMBERED
        self._steps: list[_Step] = []
        for place, one in enumerate(fields):
            parts = [places[part] for part in one.place.parts]
            mark = marks.get(one.name)
            if parts or mark or one.kind != "text" or one.must or one.nothing or one.take:
                source = parts[0] if len(parts) == 1 else place
                several = parts if len(parts) > 1 else None
                self._steps.append((place, source, several, one.place.glue, {}, _means(one, mark)))

    def cut(self, text: str) -> Cut:
        """The fields. Raises Unfit where the layout doesn't fit."""
        layout = self._layout
        if layout.lengths is not None and not layout.lengths[0] <= len(text) <= layout.lengths[1]:
            raise Unfit(f"it is not {layout.lengths[0]} to {layout.lengths[1]} characters long")
        if layout.when is not None and layout.when.search(text) is None:
            raise Unfit(f"{UNLIKE} {layout.name}")
        texts = self._find(text)
        values: list[Value] = [found or None for found in texts]
        marks = 0
        problems: list[tuple[int, str]] = []
        for place, source, parts, glue, known, means in self._steps:
            found = texts[source] if parts is None else glue.join([texts[part] for part in parts if texts[part]])
            meaning = known.get(found)
            if meaning is None:
                meaning = means(found)
                if len(found) <= REMEMBERED_LENGTH:
                    self._make_room()
                    known[found] = meaning
            texts[place], values[place], more, problem = meaning
            marks |= more
            if problem:
                problems.append((place, problem))
        return Cut(texts, values, marks, problems)

    def _make_room(self) -> None:
        """For one more text: of all fields together only so many are remembered, for a feed of rubbish fills them
        all."""
        if not self._room:
            self._room = REMEMBERED
            for step in self._steps:
                step[4].clear()
        self._room -= 1


_Means = Callable[[str], _Meaning]
_Step = tuple[int, int, list[int] | None, str, dict[str, _Meaning], _Means]
"""Place of the field; place of the text that it is; places where it is made of several, and what joins these; what is
known; how to know."""


def _means(one: Field, mark: Marks | None) -> _Means:
    """How it is found out what a text of a field means."""
    must = one.must.fullmatch if one.must is not None else None
    nothing = one.nothing.fullmatch if one.nothing is not None else None
    take = one.take.search if one.take is not None else None
    convert = CONVERTERS[one.kind] if one.kind != "text" else None
    label = f"{one.name} ({one.place})"

    def means(text: str) -> _Meaning:
        if must is not None and must(text) is None:
            raise Unfit(f"{label} is not as it has to be")
        if text and nothing is not None and nothing(text):
            text = ""
        if text and take is not None:
            taken = take(text)
            text = (taken.group(1) or "").strip() if taken is not None else ""
        value: Value = text or None
        problem = ""
        if text and convert is not None:
            try:
                value = convert(text, one.formats)
            except ValueError as bad:
                value, problem = None, f"{label} {bad}"
        return _Meaning(text, value, mark(text, value) if mark is not None else 0, problem)

    return means


_Finder = Callable[[str], list[str]]
"""From a frame's text to the texts of the fields that stand in it; anything for those that are made of others."""


def cells(layout: Layout, text: str) -> list[str]:
    """The fields of a line of a CSV. Raises Unfit."""
    if layout.quoted and '"' in text:
        try:
            return next(csv.reader([text], delimiter=layout.delimiter), [])
        except csv.Error as problem:
            raise Unfit("its quotes make no sense") from problem
    return text.split(layout.delimiter)


def columns_named(layout: Layout, text: str) -> Columns:
    """The columns that a header line names. Raises Unfit where one is missing without which no record fits."""
    columns: Columns = {}
    for at, name in enumerate(cells(layout, text.lstrip("\ufeff"))):
        columns.setdefault(name.strip().lower(), at)
    for one in layout.fields:
        if one.must is not None and one.place.key and one.place.key.lower() not in columns:
            raise Unfit(f"these names of columns lack “{one.place.key}”")
    return columns


def _csv(layout: Layout, fields: Sequence[Field]) -> _Finder:
    return _csv_at(layout, [one.place.at if one.place.at is not None else 0 for one in fields])


def _csv_by_names(layout: Layout, fields: Sequence[Field], columns: Columns) -> _Finder:
    """``columns`` is asked at every record, for another header may have come."""
    finders: dict[tuple[int, ...], _Finder] = {}

    def find(text: str) -> list[str]:
        if not columns:
            raise Unfit("no line with the names of its columns came before it")
        places = tuple(columns.get(one.place.key.lower(), len(columns)) for one in fields)
        finder = finders.get(places)
        if finder is None:
            finders.clear()
            finder = finders[places] = _csv_at(layout, list(places))
        return finder(text)

    return find


def _csv_at(layout: Layout, places: list[int]) -> _Finder:
    pick: Callable[[list[str]], Sequence[str]] = itemgetter(*places, 0)  # one more: of one alone it makes no tuple
    width = max(places, default=0) + 1
    padding = [""] * width

    def find(text: str) -> list[str]:
        row = cells(layout, text)
        if len(row) < layout.at_least:
            raise Unfit(f"it has {len(row)} fields, {layout.at_least} at least are needed")
        if len(row) < width:
            row += padding
        texts = list(map(str.strip, pick(row)))
        texts.pop()
        return texts

    return find


def _fixed(layout: Layout, fields: Sequence[Field]) -> _Finder:
    columns = [one.place.columns or (1, 0) for one in fields]
    slices = [slice(first - 1, last) for first, last in columns]
    return lambda text: [text[place].strip() for place in slices]


def _pattern(layout: Layout, fields: Sequence[Field]) -> _Finder:
    known = layout.pattern.groupindex if layout.pattern is not None else {}
    keys = [known.get(one.place.key, 0) for one in fields]

    def find(text: str) -> list[str]:
        found = layout.pattern.fullmatch(text.strip()) if layout.pattern is not None else None
        if found is None:
            raise Unfit(f"{UNLIKE} {layout.name}")
        return [(found[key] or "").strip() if key else "" for key in keys]

    return find


def _pairs(layout: Layout, fields: Sequence[Field]) -> _Finder:
    keys = [one.place.key.lower() for one in fields]

    def find(text: str) -> list[str]:
        pairs: dict[str, str] = {}
        for line in text.split("\n"):
            key, _, value = line.partition(":")
            pairs.setdefault(key.strip().lower(), value.strip())
        return [pairs.get(key, "") for key in keys]

    return find


def _json(layout: Layout, fields: Sequence[Field]) -> _Finder:
    paths = [one.place.key.split(".") for one in fields]

    def find(text: str) -> list[str]:
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            # Some documents print a backslash before an underscore; exchanges have been seen to do so.
            try:
                whole = json.loads(text.replace("\\_", "_"))
            except (ValueError, RecursionError) as problem:
                raise Unfit("it is no JSON") from problem
        return [_at(whole, path) for path in paths]

    return find


def _at(whole: Any, path: list[str]) -> str:
    for place, key in enumerate(path):
        if "*" in key and isinstance(whole, dict):
            found = [_at(part, path[place + 1 :]) for name, part in whole.items() if fnmatchcase(name, key)]
            return next((text for text in reversed(found) if text), "")
        whole = whole.get(key) if isinstance(whole, dict) else None
    if isinstance(whole, bool) or not isinstance(whole, str | int | float):
        return ""
    return str(whole).strip()


_FINDERS: Final = {"csv": _csv, "fixed": _fixed, "pattern": _pattern, "pairs": _pairs, "json": _json}
LAYOUT_KINDS: Final = frozenset(_FINDERS)
