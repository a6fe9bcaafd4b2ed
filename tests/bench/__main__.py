"""`python -m tests.bench --size small|full|huge [--out FILE] [--only NAME...]`: takes every measurement, each group in
a process of its own, prints the table and writes the figures as JSON."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from tests.bench import (
    rows_ami,
    rows_audit,
    rows_coverage,
    rows_live,
    rows_phase_pages,
    rows_phases,
    rows_popup,
    rows_records,
    rows_review,
    rows_storage,
    rows_turns,
)
from tests.bench.measure import Row, print_table

GROUPS: dict[str, Callable[[str], list[Row]]] = {
    "popup": rows_popup.popup,
    "codec": rows_ami.codec,
    "pipeline": rows_ami.pipeline,
    "memory": rows_ami.memory,
    "profile": rows_records.reading,
    "records": rows_records.records,
    "sick": rows_records.sick,
    "writer": rows_storage.writer,
    "match": rows_storage.match,
    "lists": rows_storage.lists,
    "backlog": rows_storage.backlog,
    "trail": rows_review.trail,
    "coverage": rows_coverage.coverage,
    "audit": rows_audit.audit,
    "choosing": rows_phases.choosing,
    "phases": rows_phase_pages.pages,
    "turns": rows_turns.turns,
    "screens": rows_live.screens,
    "broadcast": rows_live.broadcast,
}


def main() -> int:
    """Runs the groups; the exit status says whether they ran, never whether they were quick."""
    parser = argparse.ArgumentParser(prog="tests.bench")
    parser.add_argument("--size", choices=("small", "full", "huge"), default="full")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument(
        "--side-by-side", type=int, default=1, metavar="N", help="N groups at once: a trial, no figures"
    )
    arguments = parser.parse_args()
    rows: list[Row] = []
    # A fresh process each: no group's garbage or caches are another's.
    fresh = multiprocessing.get_context("forkserver")
    fresh.set_forkserver_preload([group.__module__ for group in GROUPS.values()])

    def measured(name: str) -> list[Row]:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            return process.submit(GROUPS[name], arguments.size).result()

    with ThreadPoolExecutor(arguments.side_by_side) as threads:
        for found in threads.map(measured, arguments.only):
            rows += found
    print_table(rows)
    if arguments.out:
        arguments.out.write_text(
            json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
