"""What lies in an evidence pack, file by file, as it is made: calls one after the other, each in a transaction of its
own, so that nothing is held in memory and nobody waits for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import render_template
from flask_babel import get_locale

from cti_adapters.storage.evidence_rows import Proofs, rules_in_force
from cti_server.audit import evidence, seals
from cti_server.audit.pack import Pack, as_json
from cti_server.calls.raw_text import Sight
from cti_server.calls.views import CallRow
from cti_server.review.views import ClaimQuery, ClaimRow
from cti_server.shared.viewer import Viewer
from cti_web import formats, report
from cti_web.compliance_claims import reviewing
from cti_web.compliance_trail import read_bytes

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

AROUND: float = 86400.0
"""Seconds before the first and after the last call: so far claims of their customers go along."""


@dataclass(slots=True)
class Asked:
    """A pack that is to be made."""

    id: str
    calls: list[str]
    filters: dict[str, str]
    whole: bool
    """Whether what the exchange sent goes along with whole numbers and names."""
    at: float
    rows: list[CallRow] = field(default_factory=list)


def made(asked: Asked, viewer: Viewer, open_desk: Callable[[], AbstractContextManager[Desk]]) -> Iterator[bytes]:
    """The pack, piece by piece. Its looks and its taking stand in the trail already."""
    pack = Pack(asked.at)
    yield pack.put("README.txt", render_template("compliance/evidence_readme.html", asked=asked, viewer=viewer))
    yield pack.verifier()
    for number, call in enumerate(asked.calls, 1):
        with open_desk() as use:
            yield from _call(pack, use, asked, call, f"{number:04}-{re.sub(r'[^0-9A-Za-z.-]', '_', call)}")
    with open_desk() as use:
        session: Any = use.work.session  # type: ignore[attr-defined]
        proofs = Proofs(session)
        yield from pack.stream("trail.jsonl", _trail(use, proofs, asked))
        kept = [seal for _number, seal in sorted(proofs.used.items())]
        yield pack.put("seals.json", seals.exported(kept))
        claims = _claims(use, asked.rows)
        yield pack.put("claims.json", as_json(claims, indent=1))
        yield pack.put("rules.json", as_json(rules_in_force(session), indent=1))
        values = {"asked": asked, "viewer": viewer, "claims": claims, "seals": kept}
        yield pack.put("summary.html", render_template("compliance/evidence_summary.html", **values))
        yield from pack.stream("summary.csv", report.as_csv(asked.rows, viewer.timezone))
        about = {
            "pack": asked.id,
            "made_at": asked.at,
            "made_by": {"id": viewer.id, "name": viewer.name, "role": viewer.role},
            "calls": len(asked.calls),
            "filter": asked.filters,
            "whole_bytes": asked.whole,
            "language": str(get_locale()),
            "timezone": viewer.timezone,
        }
        end, manifest = pack.end(about)
        use.evidence_made(asked.id, manifest)
    yield end


def _call(pack: Pack, use: Desk, asked: Asked, call: str, name: str) -> Iterator[bytes]:
    seen = use.trail(call)
    asked.rows.append(seen.call.row)
    view = seen.call
    told: dict[str, Any] = {"call": view.row, "log": view.log, "trail": view.trail, "history": view.history}
    told |= {"mails": seen.mails, "call_backs": seen.call_backs, "corrections": view.corrections}
    told |= {"screens": {"steps": seen.steps, "people": seen.people}}
    yield pack.put(f"calls/{name}.json", as_json(told, indent=1))
    found = read_bytes(use, seen, Sight.WHOLE if asked.whole else use.bytes_sight(call))
    if found.pieces:
        lines = (f"{piece.at:.6f} {line}\n" for piece in found.pieces for line in (piece.text.name, *piece.text.lines))
        yield from pack.stream(f"bytes/{name}.txt", lines)


def _trail(use: Desk, proofs: Proofs, asked: Asked) -> Iterator[str]:
    session: Any = use.work.session  # type: ignore[attr-defined]
    for call in asked.calls:
        along = use.evidence(call)
        for row, proof in proofs.entries(session, "call", call):
            if along.shown(row.detail):
                yield as_json(evidence.shown(row, proof, whole=along.may_read(row.user, row.detail)))
    for row, proof in proofs.entries(session, "export", f"evidence {asked.id}"):
        yield as_json(evidence.shown(row, proof, whole=True))


def _claims(use: Desk, rows: Sequence[CallRow]) -> list[ClaimRow]:
    """Claims that one of the calls explains, and those of their customers around that time."""
    calls, customers = {row.id for row in rows}, {one.code for row in rows for one in row.who}
    since, until = min(row.started_at for row in rows) - AROUND, max(row.started_at for row in rows) + AROUND
    found: list[ClaimRow] = []
    cursor = None
    while True:
        page = reviewing(use).claims(ClaimQuery(since, until, "all"), cursor, 500)
        found += [one for one in page.rows if one.call_id in calls or one.customer in customers]
        cursor = page.next
        if cursor is None:
            return found


def name_of(asked: Asked, viewer: Viewer) -> str:
    """The name of the file."""
    return f"evidence-{formats.local(asked.at, viewer.timezone):%Y%m%d-%H%M}-{asked.id}.zip"
