"""Lists as CSV: UTF-8 with a mark that spreadsheets understand, and no cell that they take for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response


def csv_lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The names of the columns, then a line for each row."""
    yield "\ufeff" + _line(heads)
    for cells in rows:
        yield _line([guarded(cell) for cell in cells])


def csv_file(name: str, lines: Iterable[str]) -> Response:
    """The answer that a browser keeps as a file of this name, and no cache."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(list(lines), mimetype="text/csv", headers=disposition)


def guarded(cell: str) -> str:
    """No formula: names and numbers come from outside (OWASP, CSV injection)."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
