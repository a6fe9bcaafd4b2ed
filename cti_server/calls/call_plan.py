"""What the numbers and names of an exchange mean: which legs are extensions, which are trunks, which numbers are
withheld."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

LegKind = Literal["extension", "trunk", "inner", "aid"]

EXTENSIONS = r"\d{2,5}"
"""What an extension looks like where nothing is set."""
WITHHELD = frozenset(
    {
        "anonymous",
        "unavailable",
        "unknown",
        "private",
        "restricted",
        "withheld",
        "unidentified",
        "p",
        "o",
        "c",
        "s",
        "非通知",
        "非通知設定",
        "表示圏外",
        "公衆電話",
        "通知不可能",
    }
)
"""What stands in place of a number that the caller or the network withholds, in lower case."""


@dataclass(frozen=True)
class ExchangePlan:
    """An exchange as the fold has to know it."""

    id: str
    branch: str
    region: str = "JP"
    """ISO country whose numbering plan the exchange follows."""
    timezone: str = "Asia/Tokyo"
    extensions: str = EXTENSIONS
    """Regular expression that the whole of an extension matches."""
    trunks: tuple[str, ...] = ()
    """Patterns (``*``, ``?``, ``[...]``) of the channel or peer names of trunks. None: every peer that is no
    extension."""
    area_code: str | None = None
    outside_prefix: str | None = None

    @cached_property
    def _extension(self) -> re.Pattern[str]:
        return re.compile(self.extensions)

    def is_extension(self, number: str) -> bool:
        """Whether the number is one of ours, inside."""
        return self._extension.fullmatch(number) is not None

    def kind(self, channel: str, peer: str, inner: int) -> LegKind:
        """What stands behind a channel."""
        if inner:
            return "inner" if inner > 0 else "aid"
        if any(fnmatchcase(channel, pattern) or fnmatchcase(peer, pattern) for pattern in self.trunks):
            return "trunk"
        return "extension" if self.is_extension(peer) else "trunk"


def shown_number(number: str) -> str | None:
    """The number as received; None where it is withheld."""
    return None if not number or number.lower() in WITHHELD else number


def is_feature_code(number: str) -> bool:
    """Whether what was dialled asks the exchange itself for something."""
    return number.startswith(("*", "#"))
