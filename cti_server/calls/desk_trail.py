"""The trail of one call for whoever reviews what was done (spec C6): as far as they may see the call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cti_server.calls import tracing
from cti_server.calls.desk_base import one_line
from cti_server.calls.desk_tracing import Tracing
from cti_server.calls.ports import SeenCall, TrailEntry
from cti_server.calls.raw_text import Sight, sees_every_caller, sight_of
from cti_server.calls.showing import Names
from cti_server.calls.trail_views import CHAPTERS, SHOWN_WHOLE, CallBack, CallTrail, SentMail
from cti_server.calls.views import HistoryRow, TrailStep
from cti_server.shared.errors import NotAllowed
from cti_server.shared.viewer import needs


class Trails(Tracing):
    """From the bytes to the record."""

    @needs("audit")
    def trail(self, call_id: str) -> CallTrail:
        """A call's whole trail. The look is noted, and stands in it."""
        view = self.call(call_id)
        seen = self._call(call_id)
        entries = self.work.records.trail(call_id)
        known = self._known(seen, self._kind_of(seen.log.exchange), None)
        steps, people = tracing.of_call(known)
        branch = self.work.firm.branches().get(seen.log.branch)
        return CallTrail(
            call=view,
            timezone=branch.timezone if branch is not None else self.viewer.timezone,
            steps=[step for step in steps if step.key != "call"],
            people=people,
            chapters=_chapters(view.trail),
            mails=self._mails(view.history),
            call_backs=self._call_backs(seen, entries),
            written_at=next((entry.at for entry in entries if entry.act == "matched"), None),
            may_reveal=self.may_reveal_bytes,
        )

    @needs("audit")
    def bytes_sight(self, call_id: str) -> Sight:
        """How much the viewer sees of what the exchange sent of a call."""
        self._call(call_id)
        return sight_of(self.viewer.scope)

    @property
    def may_reveal_bytes(self) -> bool:
        """Whether no caller is hidden from the viewer: a message may name others than the caller."""
        return self.viewer.may("audit") and sees_every_caller(self.viewer.scope)

    @needs("audit")
    def reveal_bytes(self, call_id: str, reason: str) -> Sight:
        """Lets the viewer see what the exchange sent of a call with whole numbers and names; the reason stands in the
        trail."""
        seen = self._call(call_id)
        if not self.may_reveal_bytes:
            raise NotAllowed("Your role shows numbers masked; ask the rep in charge, or an administrator for the right")
        self._note("raw revealed", [seen], reason=one_line(reason, "reason", needed=True))
        return Sight.WHOLE

    def _kind_of(self, exchange: str) -> str:
        return next((row.kind for row in self.work.firm.exchanges(None) if row.id == exchange), "")

    def _mails(self, history: Sequence[HistoryRow]) -> dict[int, SentMail]:
        found = {}
        for row in history:
            mail = self.work.records.mail_of_history(row.id) if row.channel == "mail" else None
            if mail is not None:
                found[row.id] = SentMail(mail.to, mail.subject, mail.body, mail.state, mail.problem)
        return found

    def _call_backs(self, seen: SeenCall, entries: Sequence[TrailEntry]) -> list[CallBack]:
        numbers = dict.fromkeys(int(entry.detail["dial"]) for entry in entries if "dial" in entry.detail)
        dials = [dial for number in numbers if (dial := self.work.records.dial(number)) is not None]
        names: Names = self._names([seen], [dial.user for dial in dials])
        made = {call.log.id for call in self.work.calls.get([dial.made_call for dial in dials if dial.made_call])}
        return [
            CallBack(
                dial.at,
                names.person_who_sees(dial.user, seen),
                dial.state,
                dial.exchange,
                dial.extension,
                dial.made_call if dial.made_call in made else "",
            )
            for dial in dials
        ]


def _chapters(steps: Sequence[TrailStep]) -> dict[str, list[TrailStep]]:
    """The steps by chapter, each in the order of time."""
    found: dict[str, list[TrailStep]] = defaultdict(list)
    for step in steps:
        if step.kind not in SHOWN_WHOLE:
            found[CHAPTERS.get(step.kind, "done")].append(step)
    return dict(found)
