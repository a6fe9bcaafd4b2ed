"""Whether a regular expression that somebody typed may run away: Python's engine tries every way in which a text can be
taken apart, and nothing can stop it meanwhile.

Two things make that long. A repetition within which the same text can be taken apart in several ways (``(a+)+``,
``(a|a)*``) takes twice as long with every character: it is refused. Several repetitions one after the other that could
each take the same text (``.*.*.*``) take a power of its length: only so many are allowed. What a part takes is told by
the characters that it may begin with, which is on the safe side: what is refused can be written so that its parts begin
differently.

Measured, the worst that is allowed against a line that fits nowhere: 0.08 s on 8,000 characters; one power more takes
0.5 s on 1,000, two more 0.15 s on 200 and eight times as long on twice as many.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

POWER_MOST: Final = 2
"""The highest power of a line's length that a pattern may take: each repetition that can take nearly anything counts,
and one more for a pattern that is looked for anywhere in the line."""
MODEST_MOST: Final = 4
"""So many repetitions may share what they take where that is only of a few characters, such as blanks."""
WIDE: Final = 32
"""What begins with more characters than these can take nearly anything."""
LONG: Final = 16
"""A repetition of up to so many can't run away by itself."""
_ALPHABET: Final = frozenset(map(chr, range(128))) | {"é", "漢", "１", "\udc80"}
"""Of each kind of characters some: ASCII, letters and a digit beyond it, a byte that is no text."""


class _Part(NamedTuple):
    """What a part of a pattern may begin with, and whether it may be nothing."""

    first: frozenset[str]
    nullable: bool


_NOTHING: Final = _Part(frozenset(), True)


DOUBLED: Final = "a repetition in it can take the same text in several ways, so that it might never come to an end"
TOO_MANY: Final = "too many repetitions in it can take the same text, so that it might take very long"


def runs_away(pattern: re.Pattern[str], *, searched: bool) -> str:
    """Why it may, as the end of a sentence; empty where it can't. ``searched``: it is looked for anywhere in a text,
    not held against the whole."""
    look, items = _Look(bool(_CASELESS.search(pattern.pattern))), _parsed(pattern)
    look.walk(items, frozenset(), repeated=False)
    if look.doubled:
        return DOUBLED
    anchored = bool(items) and str(items[0][0]) == "AT"
    power = look.wide + (searched and not anchored and look.wide > 0)
    return TOO_MANY if power > POWER_MOST or look.modest > MODEST_MOST else ""


def _parsed(pattern: re.Pattern[str]) -> Sequence[Any]:
    parser: Any = re._parser  # type: ignore[attr-defined]  # the engine's own reading of it
    return list(parser.parse(pattern.pattern, pattern.flags))


class _Look:
    """Walks through a pattern and counts its ambiguous repetitions."""

    def __init__(self, caseless: bool) -> None:
        self._caseless = caseless
        self.doubled = False
        self.wide = self.modest = 0

    def walk(self, items: Sequence[Any], follow: frozenset[str], *, repeated: bool) -> _Part:
        """What a sequence begins with. ``follow``: what may come after it; ``repeated``: it is within a repetition."""
        whole = _NOTHING
        for op, arg in reversed(items):
            after = whole.first | follow if whole.nullable else whole.first
            part = self._item(str(op), arg, after, repeated)
            first = part.first | whole.first if part.nullable else part.first
            whole = _Part(first, part.nullable and whole.nullable)
        return whole

    def _item(self, op: str, arg: Any, follow: frozenset[str], repeated: bool) -> _Part:
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(arg, follow, repeated)
        if op == "BRANCH":
            return self._branch([list(one) for one in arg[1]], follow, repeated)
        if op in ("SUBPATTERN", "ATOMIC_GROUP"):
            return self.walk(list(arg[3] if op == "SUBPATTERN" else arg), follow, repeated=repeated)
        if op in ("ASSERT", "ASSERT_NOT"):
            self.walk(list(arg[1]), _ALPHABET, repeated=repeated)
            return _NOTHING
        if op == "AT":
            return _NOTHING
        if op in ("GROUPREF", "GROUPREF_EXISTS"):
            return _Part(_ALPHABET, True)
        return _Part(self._characters(op, arg), False)

    def _repeat(self, arg: Any, follow: frozenset[str], repeated: bool) -> _Part:
        fewest, most, items = int(arg[0]), int(arg[1]), list(arg[2])
        begin = _Look(self._caseless).walk(items, frozenset(), repeated=False)
        part = self.walk(items, follow | begin.first if most > 1 else follow, repeated=repeated or most > 1)
        if most > fewest and part.first & follow:
            self.doubled = self.doubled or repeated
            if most - fewest > LONG:
                self.wide += len(part.first) > WIDE
                self.modest += len(part.first) <= WIDE
        if part.nullable and most > LONG:
            self.doubled = True
        return _Part(part.first, part.nullable or fewest == 0)

    def _branch(self, ways: Iterable[list[Any]], follow: frozenset[str], repeated: bool) -> _Part:
        parts = [self.walk(way, follow, repeated=repeated) for way in ways]
        seen: frozenset[str] = frozenset()
        for part in parts:
            begins = part.first | follow if part.nullable else part.first
            self.doubled = self.doubled or (repeated and bool(begins & seen))
            seen |= begins
        return _Part(frozenset().union(*(part.first for part in parts)), any(part.nullable for part in parts))

    def _characters(self, op: str, arg: Any) -> frozenset[str]:
        """Those of the alphabet for which one character of the pattern stands."""
        if op == "ANY":
            return _ALPHABET
        if op == "LITERAL":
            return self._literal(arg)
        if op == "NOT_LITERAL":
            return _ALPHABET - {chr(arg)}
        found: set[str] = set()
        negated = False
        for kind, value in arg:
            name = str(kind)
            if name == "NEGATE":
                negated = True
            elif name == "LITERAL":
                found |= self._literal(value)
            elif name == "RANGE":
                found |= {sign for sign in _ALPHABET if value[0] <= ord(sign) <= value[1]} | {chr(value[0])}
            else:
                found |= {sign for sign in _ALPHABET if re.match(_CLASSES[str(value)], sign)}
        if self._caseless:
            found |= {other for sign in found for other in (sign.lower(), sign.upper())}
        return _ALPHABET - found if negated else frozenset(found)

    def _literal(self, code: int) -> frozenset[str]:
        sign = chr(code)
        return frozenset({sign, sign.lower(), sign.upper()} if self._caseless else {sign})


_CASELESS: Final = re.compile(r"\(\?[a-zA-Z]*i")
_CLASSES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
