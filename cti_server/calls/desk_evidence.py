"""Calls that a reviewer takes with them as evidence (spec C6): which ones, that it stands in their trails, and what of
each may go along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cti_server.calls import disclosing, trail
from cti_server.calls.desk_base import one_line
from cti_server.calls.desk_trail import Trails
from cti_server.calls.trail_views import CallTrail
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Invalid, NotAllowed
from cti_server.shared.viewer import needs

MOST: Final = 200
"""Calls of one pack: of each the journal is read."""


@dataclass(slots=True)
class CallEvidence:
    """What goes along of a call. ``shown``: whether an entry of its trail may be named; ``may_read``: whether word for
    word, given who acted and the detail."""

    trail: CallTrail
    shown: Callable[[Mapping[str, Any]], bool]
    may_read: disclosing.Rule


class Evidence(Trails):
    """Taking calls along."""

    @needs("audit")
    def calls_for_evidence(self, query: CallQuery) -> list[str]:
        """The calls that a list's filter finds, the newest first. Raises Invalid where there are none, or too many."""
        self.viewer.require("export")
        found: list[str] = []
        cursor = None
        while len(found) <= MOST:
            page = self.calls(query, cursor, MOST + 1)
            found += [row.id for row in page.rows]
            cursor = page.next
            if cursor is None:
                break
        return self.enough_for_evidence(found)

    @needs("audit")
    def enough_for_evidence(self, found: list[str]) -> list[str]:
        """The calls themselves. Raises Invalid where there are none, or more than `MOST`."""
        if not found:
            raise Invalid("No call fits these filters; there is nothing to take along", "calls", "evidence-none")
        if len(found) > MOST:
            raise Invalid(
                "More than 200 calls fit these filters; narrow the period or the filters", "calls", "evidence-many"
            )
        return found

    @needs("audit")
    def take_evidence(self, calls: list[str], pack: str, reason: str, told: Mapping[str, Any]) -> bool:
        """Notes that calls are taken along: each in its own trail, and the pack itself. ``reason``: why the exchange's
        bytes are to be whole; empty: masked. Gives whether they are. ``told``: the filter."""
        self.viewer.require("export")
        seen = self._calls(calls)
        why = one_line(reason, "reason")
        if why and not self.may_reveal_bytes:
            raise NotAllowed("Your role shows numbers masked; ask the rep in charge, or an administrator for the right")
        self._looked_at(seen)
        self._note("evidence taken", seen, pack=pack)
        if why:
            self._note("raw revealed", seen, reason=why)
        self._note_export(f"evidence {pack}", pack=pack, calls=len(calls), whole=bool(why), **told)
        return bool(why)

    @needs("audit")
    def evidence(self, call_id: str) -> CallEvidence:
        """What goes along of one of them."""
        self.viewer.require("export")
        whole = self.trail(call_id)
        seen = self._call(call_id)
        entries = self.work.records.trail(call_id)
        names = self._names([seen], trail.users(entries) + self._more_people(entries))
        return CallEvidence(
            trail=whole,
            shown=lambda detail: disclosing.named(names, seen, detail),
            may_read=disclosing.rule(
                names, seen, self.viewer.id, lambda author: self.work.work.may_read_call(call_id, author)
            ),
        )

    def _more_people(self, entries: list[trail.TrailEntry]) -> list[str]:
        named = (entry.detail.get(name) for entry in entries for name in ("before", "receiver", "by"))
        return [user for user in named if isinstance(user, str) and user]

    @needs("audit")
    def evidence_made(self, pack: str, manifest: str) -> None:
        """Notes the digest of a pack's manifest once it is written: by it a pack is known as ours."""
        self.viewer.require("export")
        entry = trail.TrailEntry(self.clock.now(), self.viewer.id, "evidence made", None, {"manifest": manifest})
        self.work.records.add_trail("export", f"evidence {pack}", [entry])
