"""What the rules of a profile make of a frame's fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cti_adapters.wire.smdr.converters import Value
from cti_adapters.wire.smdr.cutting import Cut, Marks
from cti_adapters.wire.smdr.profile import OUTPUTS, STATUS, Check, Field, Profile, Setting
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord

PLANS: Final = 256
"""So many arrangements at most are remembered of a layout: a make has a dozen."""
_BARE: Final = CallRecord(continuation=False)
_OUTPUTS: Final = frozenset(OUTPUTS)
_MOMENTS: Final = frozenset({"datetime", "yearless", "epoch"})


class Noise(NamedTuple):
    """A line that is known to tell of no call."""

    raw: bytes
    record: CallRecord | None = None
    """What it tells all the same, such as that a call arrives."""


Reading = CallRecord | Noise | Unreadable
_Made = Callable[[Sequence[Value]], Value]


class _Plan(NamedTuple):
    """What is done with the values of a record of which it is known which conditions hold. ``pool``: the values, then
    ``constants``, then what ``made`` makes of the values."""

    constants: list[Value]
    made: list[_Made]
    pick: Callable[[list[Any]], tuple[Any, ...]]
    """From the pool to the record's values, in the order of OUTPUTS."""
    further: list[tuple[str, int]]
    """Its further values: names, and places in the pool."""
    status: int | None
    """Place in the pool."""


def needed(profile: Profile) -> set[str]:
    """The fields that the rules ask for."""
    settings = [setting for rule in profile.rules for setting in rule.settings]
    names = {check.name for rule in profile.rules for check in rule.checks}
    names.update(name for setting in settings for name in (setting.name, setting.less) if name)
    return names


class Judge:
    """Applies the rules to records of one layout, of which ``fields`` are cut. Every condition is a bit of the marks;
    what follows from all of them together is remembered, for it comes again and again."""

    def __init__(self, profile: Profile, fields: Sequence[Field]) -> None:
        self._rules = profile.rules
        checks = dict.fromkeys(check for rule in profile.rules for check in rule.checks)
        self._bits: dict[Check, int] = {check: 1 << place for place, check in enumerate(checks)}
        self._places = {one.name: place for place, one in enumerate(fields)}
        self._moments = {one.name for one in fields if one.kind in _MOMENTS}
        self._plans: dict[int, _Plan] = {}
        of: dict[str, list[tuple[Check, int]]] = {}
        for check, bit in self._bits.items():
            of.setdefault(check.name, []).append((check, bit))
        self.marks: dict[str, Marks] = {name: partial(_marks, some) for name, some in of.items()}
        """By the names of fields: what `Cutter` marks their texts with."""
        self._always = sum(mark("", None) for name, mark in self.marks.items() if name not in self._places)

    def reading(self, raw: bytes, cut: Cut) -> Reading:
        """The record, or that it is none."""
        plan = self._plans.get(cut.marks)
        if plan is None:
            plan = self._plan(cut.marks)
        pool: list[Any] = cut.values + plan.constants
        for make in plan.made:
            pool.append(make(cut.values))
        status = pool[plan.status] if plan.status is not None else None
        if status == "bare":
            return Noise(raw, _BARE)
        further = {name: value for name, place in plan.further if (value := pool[place]) is not None}
        record = CallRecord._make((*plan.pick(pool), MappingProxyType(further)))
        return Noise(raw, record) if status else record

    def _plan(self, marks: int) -> _Plan:
        outputs: dict[str, list[Setting]] = {}
        for rule in self._rules:
            if all((marks | self._always) & self._bits[check] for check in rule.checks):
                for setting in rule.settings:
                    settings = outputs.setdefault(setting.output, [])
                    if not settings or settings[-1].name:
                        settings.append(setting)
        plan = self._arranged(outputs)
        if len(self._plans) < PLANS:
            self._plans[marks] = plan
        return plan

    def _arranged(self, outputs: dict[str, list[Setting]]) -> _Plan:
        constants: list[Value] = [None]
        made: list[_Made] = []
        nothing = len(self._places)
        places: dict[str, int] = {}
        several: list[tuple[str, list[Setting]]] = []
        for output, settings in outputs.items():
            first = settings[0]
            if not first.name:
                places[output] = len(self._places) + len(constants)
                constants.append(first.constant)
            elif len(settings) == 1 and not first.less and not (_is_further(output) and first.name in self._moments):
                places[output] = self._places.get(first.name, nothing)
            else:
                several.append((output, settings))
        for output, settings in several:
            places[output] = len(self._places) + len(constants) + len(made)
            first_of = _first_word if _is_further(output) else _first
            made.append(partial(first_of, [self._source(setting) for setting in settings]))
        return _Plan(
            constants,
            made,
            itemgetter(*(places.get(output, nothing) for output in OUTPUTS)),
            [(output, place) for output, place in places.items() if _is_further(output)],
            places.get(STATUS),
        )

    def _source(self, setting: Setting) -> _Source:
        return _Source(
            setting.constant,
            self._places.get(setting.name, -1) if setting.name else None,
            self._places.get(setting.less, -1) if setting.less else None,
        )


class _Source(NamedTuple):
    """Where a value comes from: a constant, a field, or the seconds between two. -1: a field that there isn't."""

    constant: Value
    place: int | None
    less: int | None


def _first(sources: Sequence[_Source], values: Sequence[Value]) -> Value:
    """The first that there is, in the order of the rules."""
    for constant, place, less in sources:
        value = constant if place is None else values[place] if place >= 0 else None
        if less is not None:
            value = _between(value, values[less] if less >= 0 else None)
        if value is not None:
            return value
    return None


def _first_word(sources: Sequence[_Source], values: Sequence[Value]) -> Value:
    """The same, where it is a word or a number."""
    value = _first(sources, values)
    return value if isinstance(value, str | int) else None


def _is_further(output: str) -> bool:
    return output not in _OUTPUTS and output != STATUS


def _between(later: Value, earlier: Value) -> int | None:
    if not isinstance(later, datetime) or not isinstance(earlier, datetime) or later < earlier:
        return None
    return int((later - earlier).total_seconds())


def _marks(checks: Sequence[tuple[Check, int]], text: str, value: Value) -> int:
    """The bits of the conditions that hold of a field."""
    return sum(bit for check, bit in checks if _holds(check, text, value))


def _holds(check: Check, text: str, value: Value) -> bool:
    if check.pattern is not None:
        return (check.pattern.fullmatch(text) is not None) == check.wanted
    if not isinstance(value, int):
        return False
    return value > check.number if check.sign == ">" else value == check.number
