"""Cuts a frame into fields by one layout of a profile, and gives each its value."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Set
from typing import Any, Final, NamedTuple

from cti_adapters.wire.smdr.converters import CONVERTERS, Value
from cti_adapters.wire.smdr.profile import Field, Layout, Place

UNLIKE: Final = "it does not look like"


class Unfit(ValueError):
    """A frame is no record of a layout; the text is the end of a sentence."""


class Cut(NamedTuple):
    """A frame's fields by name: their texts, their values (None: nothing is said), and a sentence for each that makes
    no sense."""

    texts: dict[str, str]
    values: dict[str, Value]
    problems: dict[str, str]


class Cutter:
    """Cuts by a layout. ``needed``: the fields that are wanted; those that decide whether it fits are cut too."""

    def __init__(self, layout: Layout, needed: Set[str]) -> None:
        self._layout = layout
        wanted = set(needed) | {one.name for one in layout.fields if one.must is not None}
        fields: list[Field] = []
        for one in reversed(layout.fields):
            if one.name in wanted:
                wanted.update(one.place.parts)
                fields.insert(0, one)
        self._steps = [_step(one) for one in fields]
        self._found = _FINDERS[layout.kind](layout, fields)

    def cut(self, text: str) -> Cut:
        """The fields. Raises Unfit where the layout doesn't fit."""
        layout = self._layout
        if layout.lengths is not None and not layout.lengths[0] <= len(text) <= layout.lengths[1]:
            raise Unfit(f"it has {len(text)} characters")
        if layout.when is not None and layout.when.search(text) is None:
            raise Unfit(f"{UNLIKE} {layout.name}")
        texts: dict[str, str] = {}
        values: dict[str, Value] = {}
        problems: dict[str, str] = {}
        for step, found in zip(self._steps, self._found(text), strict=True):
            name, parts, must, nothing, take, converter, formats = step
            if parts:
                found = " ".join(filter(None, [texts[part] for part in parts]))
            if must is not None and must(found) is None:
                raise Unfit(f"{name} ({self._place(name)}) is not as it has to be")
            if found and nothing is not None and nothing(found):
                found = ""
            if found and take is not None:
                taken = take(found)
                found = (taken.group(1) or "").strip() if taken is not None else ""
            texts[name] = found
            if not found:
                values[name] = None
            elif converter is None:
                values[name] = found
            else:
                try:
                    values[name] = converter(found, formats)
                except ValueError as problem:
                    values[name] = None
                    problems[name] = f"{name} ({self._place(name)}) {problem}"
        return Cut(texts, values, problems)

    def _place(self, name: str) -> Place:
        return next(one.place for one in self._layout.fields if one.name == name)


_Matcher = Callable[[str], re.Match[str] | None]
_Step = tuple[
    str,
    tuple[str, ...],
    _Matcher | None,
    _Matcher | None,
    _Matcher | None,
    Callable[[str, tuple[str, ...]], Value] | None,
    tuple[str, ...],
]


def _step(one: Field) -> _Step:
    """What is done about a field, bound once: thousands of records a second pass here."""
    must = one.must.fullmatch if one.must is not None else None
    nothing = one.nothing.fullmatch if one.nothing is not None else None
    take = one.take.search if one.take is not None else None
    converter = CONVERTERS[one.kind] if one.kind != "text" else None
    return one.name, one.place.parts, must, nothing, take, converter, one.formats


_Finder = Callable[[str], list[str]]
"""From a frame's text to the texts of the fields that stand in it; blank for those that are made of others."""


def _csv(layout: Layout, fields: list[Field]) -> _Finder:
    places = [one.place.at if one.place.at is not None else 0 for one in fields]
    delimiter = layout.delimiter
    padding = [""] * (max(places, default=0) + 1)

    def find(text: str) -> list[str]:
        if layout.quoted and '"' in text:
            try:
                row = next(csv.reader([text], delimiter=delimiter), [])
            except csv.Error as problem:
                raise Unfit("its quotes make no sense") from problem
        else:
            row = text.split(delimiter)
        if len(row) < layout.at_least:
            raise Unfit(f"it has {len(row)} fields, {layout.at_least} at least are needed")
        row += padding
        return [row[place].strip() for place in places]

    return find


def _fixed(layout: Layout, fields: list[Field]) -> _Finder:
    columns = [one.place.columns or (1, 0) for one in fields]
    slices = [slice(first - 1, last) for first, last in columns]
    return lambda text: [text[place].strip() for place in slices]


def _pattern(layout: Layout, fields: list[Field]) -> _Finder:
    def find(text: str) -> list[str]:
        found = layout.pattern.fullmatch(text.strip()) if layout.pattern is not None else None
        if found is None:
            raise Unfit(f"{UNLIKE} {layout.name}")
        groups = found.groupdict()
        return [(groups.get(one.place.key) or "").strip() for one in fields]

    return find


def _pairs(layout: Layout, fields: list[Field]) -> _Finder:
    def find(text: str) -> list[str]:
        pairs: dict[str, str] = {}
        for line in text.split("\n"):
            key, _, value = line.partition(":")
            pairs.setdefault(key.strip().lower(), value.strip())
        return [pairs.get(one.place.key.lower(), "") for one in fields]

    return find


def _json(layout: Layout, fields: list[Field]) -> _Finder:
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
    for key in path:
        whole = whole.get(key) if isinstance(whole, dict) else None
    if isinstance(whole, bool) or not isinstance(whole, str | int | float):
        return ""
    return str(whole).strip()


_FINDERS: Final = {"csv": _csv, "fixed": _fixed, "pattern": _pattern, "pairs": _pairs, "json": _json}
LAYOUT_KINDS: Final = frozenset(_FINDERS)
