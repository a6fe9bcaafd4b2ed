"""What a feed has to tell besides calls, written in the same transaction as they are (spec O1)."""

from __future__ import annotations

from typing import NamedTuple


class GapChange(NamedTuple):
    """An exchange was not heard from ``started_at`` on (epoch seconds, UTC); ``ended_at`` is null while it lasts.

    A gap is named by its exchange and ``started_at``: the one without an end comes first, later the same with its end.
    ``reason`` is a code of ``cti_adapters.exchanges.status.SENTENCES``.
    """

    started_at: float
    ended_at: float | None
    reason: str
    source: str = ""
    """``buffer`` where the exchange itself keeps its records until it can hand them over."""


class UnreadableBytes(NamedTuple):
    """Bytes of an exchange that made no sense. (``record``, ``number``) names them for ever: the journal offset of
    the record with which they ended, and how many came before them in that record."""

    record: int
    number: int
    at: float
    """When they arrived; epoch seconds, UTC."""
    reason: str
    raw: bytes
    """At most the first 4 KiB."""
    size: int
    """How many bytes there were."""
