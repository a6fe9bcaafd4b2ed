"""What forms hold, read without trusting it: a field may be anything, whoever sends it."""

from __future__ import annotations

import re
from typing import Any, Final

LONGEST: Final = 9
"""Digits of a number that a form gives: no id and no count here has more."""
_ITEM: Final = re.compile(r"item-([0-9]{1,9})", re.ASCII)


def whole(text: str) -> int | None:
    """A whole number as our own pages write it; null for anything else (``²`` and ``٣`` are digits too, for Python)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None


def items(form: Any) -> dict[int, str]:
    """What was typed into input items, by item: the fields ``item-7``."""
    return {int(found[1]): text for key, text in form.items() if (found := _ITEM.fullmatch(key))}
