"""What was fetched from an exchange's own record for a gap, as a record of the journal and back (decision 009).

The payload is JSON: ``gap`` (when it began), ``source``, ``rows`` (columns by name, as they were fetched, so that a
mended reader can read them again), ``problem`` and ``detail`` where nothing could be fetched, ``finished``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from cti_adapters.wire.asterisk_cdr import parse_rows
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.recorded_calls import recorded_calls

ROWS_MOST: Final = 1000
"""So many rows become one record of the journal, so that no transaction holds up the other exchanges."""

Row = Mapping[str, str]


def payloads(gap: float, source: str, rows: Iterable[Row], *, finished: bool) -> Iterator[bytes]:
    """The records of the journal that keep what was fetched; at least one. Rows of one call stay together."""
    sheaf: list[Row] = []
    ordered = sorted(rows, key=_of_one_call)
    for row in ordered:
        if len(sheaf) >= ROWS_MOST and _of_one_call(row) != _of_one_call(sheaf[-1]):
            yield _payload(gap, source, sheaf, finished=False)
            sheaf = []
        sheaf.append(row)
    yield _payload(gap, source, sheaf, finished=finished)


def problem_payload(gap: float, source: str, problem: str, detail: Mapping[str, str], *, finished: bool) -> bytes:
    """The record of the journal that says why nothing could be fetched."""
    told = {"gap": gap, "source": source, "rows": [], "problem": problem, "detail": dict(detail), "finished": finished}
    return json.dumps(told).encode()


def _of_one_call(row: Row) -> str:
    return row.get("linkedid") or row.get("uniqueid") or ""


def _payload(gap: float, source: str, rows: list[Row], *, finished: bool) -> bytes:
    return json.dumps({"gap": gap, "source": source, "rows": rows, "finished": finished}).encode()


class FetchReader:
    """Makes calls of what was fetched. ``zone``: that of the record's times; ``party``: an outside number as received
    -> E.164."""

    def __init__(self, plan: ExchangePlan, zone: str, party: Callable[[str | None], str | None]) -> None:
        self._plan = plan
        self._zone = zone
        self._party = party

    def read(self, payload: bytes, at: float) -> GapFetch:
        """The fetch that a record of the journal keeps."""
        told = json.loads(payload)
        file = parse_rows(enumerate(told["rows"], 1), self._zone)
        return GapFetch(
            gap=told["gap"],
            at=at,
            source=told["source"],
            calls=recorded_calls(file.rows, self._plan, self._party),
            unread=len(file.unreadable),
            problem=told.get("problem", ""),
            problem_values=told.get("detail", {}),
            finished=told["finished"],
        )
