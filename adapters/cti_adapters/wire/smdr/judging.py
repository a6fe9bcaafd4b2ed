"""What the rules of a profile make of a frame's fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cti_adapters.wire.smdr.converters import Value
from cti_adapters.wire.smdr.profile import OUTPUTS, STATUS, Check, Profile, Setting
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord

REMEMBERED: Final = 4096
"""So many texts and so many plans at most are remembered."""
_OUTPUTS: Final = frozenset(OUTPUTS)
_BARE: Final = CallRecord(continuation=False)


class Noise(NamedTuple):
    """A line that is known to tell of no call."""

    raw: bytes
    record: CallRecord | None = None
    """What it tells all the same, such as that a call arrives."""


Reading = CallRecord | Noise | Unreadable
_Plan = tuple[tuple[str, tuple[Setting, ...]], ...]
"""For each output the settings in the order of their rules: the first that has a value is taken."""


class Judge:
    """Applies the rules. Which of them hold depends on few texts that come again and again: what was found out about a
    text, and what follows from all conditions together, is remembered."""

    def __init__(self, profile: Profile) -> None:
        self._rules = profile.rules
        self._checks = list(dict.fromkeys(check for rule in profile.rules for check in rule.checks))
        self._place = {check: at for at, check in enumerate(self._checks)}
        self._known: list[tuple[Check, dict[str, bool]]] = [(check, {}) for check in self._checks]
        self._plans: dict[tuple[bool, ...], _Plan] = {}
        settings = [setting for rule in profile.rules for setting in rule.settings]
        self.needs = {check.name for check in self._checks}
        self.needs.update(name for setting in settings for name in (setting.name, setting.less) if name)

    def reading(self, raw: bytes, texts: Mapping[str, str], values: Mapping[str, Value]) -> Reading:
        """The record, or that it is none."""
        marks = []
        for check, known in self._known:
            text = texts.get(check.name, "")
            mark = known.get(text)
            if mark is None:
                mark = _holds(check, text, values)
                if len(known) < REMEMBERED:
                    known[text] = mark
            marks.append(mark)
        key = tuple(marks)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plan(key)
        return _made(raw, plan, values)

    def _plan(self, marks: tuple[bool, ...]) -> _Plan:
        outputs: dict[str, list[Setting]] = {}
        for rule in self._rules:
            if all(marks[self._place[check]] for check in rule.checks):
                for setting in rule.settings:
                    settings = outputs.setdefault(setting.output, [])
                    if not settings or settings[-1].name:
                        settings.append(setting)
        plan = tuple((output, tuple(settings)) for output, settings in outputs.items())
        if len(self._plans) < REMEMBERED:
            self._plans[marks] = plan
        return plan


def _made(raw: bytes, plan: _Plan, values: Mapping[str, Value]) -> Reading:
    known: dict[str, Any] = {}
    further: dict[str, str | int] = {}
    status = None
    for output, settings in plan:
        for setting in settings:
            value = setting.constant
            if setting.name:
                value = values.get(setting.name)
                if setting.less:
                    value = _between(value, values.get(setting.less))
                if value is None:
                    continue
            if output in _OUTPUTS:
                known[output] = value
            elif output == STATUS:
                status = value
            elif isinstance(value, str | int):
                further[output] = value
            break
    if status == "bare":
        return Noise(raw, _BARE)
    record = CallRecord(**known, further=MappingProxyType(further))
    return Noise(raw, record) if status else record


def _between(later: Value, earlier: Value) -> int | None:
    if not isinstance(later, datetime) or not isinstance(earlier, datetime) or later < earlier:
        return None
    return int((later - earlier).total_seconds())


def _holds(check: Check, text: str, values: Mapping[str, Value]) -> bool:
    if check.pattern is not None:
        return (check.pattern.fullmatch(text) is not None) == check.wanted
    value = values.get(check.name)
    if not isinstance(value, int):
        return False
    return value > check.number if check.sign == ">" else value == check.number
