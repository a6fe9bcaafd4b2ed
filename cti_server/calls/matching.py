"""Who a caller may be: candidates from what the directory holds under a number (spec C3).

Pure: storage looks numbers up by exact key, this says what it found. Nothing is attached by guess: every customer that
has the number stays a candidate, and one that only shares the last digits is called probable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cti_server.shared.scope import Label

Quality = Literal["exact", "probable"]

PROBABLE_MOST: Final = 5
"""More customers than this that only share the last digits say nothing: then there is no hint at all."""


@dataclass(frozen=True, slots=True)
class Known:
    """A customer as the directory holds it under a number. ``latest_contact`` is epoch seconds (UTC), null for none."""

    code: str
    label: Label
    latest_contact: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer that a caller may be."""

    known: Known
    quality: Quality

    @property
    def code(self) -> str:
        """The customer's code."""
        return self.known.code


def candidates(exact: Iterable[Known], probable: Sequence[Known], *, own: str | None = None) -> list[Candidate]:
    """All whose number it is; where there is none, those with the same last digits. Ranked (see :func:`ranked`)."""
    sure = [Candidate(known, "exact") for known in exact]
    if not sure and len(probable) <= PROBABLE_MOST:
        sure = [Candidate(known, "probable") for known in probable]
    return ranked(sure, own)


def ranked(found: Iterable[Candidate], own: str | None = None) -> list[Candidate]:
    """Own customers (those whose rep is ``own``) first, then by latest contact, the latest first."""
    return sorted(found, key=lambda one: rank(one.known.label.rep, own, one.known.latest_contact, one.code))


def rank(rep: str | None, own: str | None, latest_contact: float | None, code: str) -> tuple[bool, float, str]:
    """The place of a candidate among others: what to sort by."""
    return (own is None or rep != own, -(latest_contact or 0.0), code)


def attached(found: Sequence[Candidate]) -> str | None:
    """The customer that the call is from without anybody picking: the only one whose number it is."""
    return found[0].code if len(found) == 1 and found[0].quality == "exact" else None


def caller_key(found: Sequence[Candidate], number: str | None, branch: str, call_id: str) -> str:
    """Who a call is from, as far as one open item per caller goes: the customer; else all customers of a number; else
    the number at a branch, since unregistered callers are seen per branch; and each withheld call by itself."""
    one = attached(found)
    if one is not None:
        return f"c:{one}"
    if number is None:
        return f"w:{call_id}"
    return f"n:{number}" if found and found[0].quality == "exact" else f"u:{branch}:{number}"
