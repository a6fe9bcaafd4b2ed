"""On which line of a TOML text something stands: the parser doesn't tell."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]\]?")
_KEY: Final = re.compile(r"\s*([\w.-]+)\s*=")


def line_of(source: str, path: tuple[str | int, ...]) -> int:
    """The line, 1-based, of ``("layout", 0, "fields", "start")``, or of what comes nearest above it."""
    seen: Counter[str] = Counter()
    table: tuple[str | int, ...] = ()
    best, longest = 1, 0
    for number, line in enumerate(source.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            name = header.group(2)
            if header.group(1) == "[[":
                seen[name] += 1
            first, *rest = name.split(".")
            table = (first, seen[first] - 1, *rest) if seen[first] else (first, *rest)
            here = table
        elif key:
            here = (*table, *key.group(1).split("."))
        else:
            continue
        if len(here) > longest and here == path[: len(here)]:
            best, longest = number, len(here)
    return best
