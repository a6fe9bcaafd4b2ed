"""Who took a call, where the exchange can't tell: telephones that several people share (spec, Terms: receiving rep)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from cti_server.calls.desk_base import DeskBase
from cti_server.calls.holding import moment_of
from cti_server.calls.ports import SeenCall, reach
from cti_server.shared.errors import Invalid
from cti_server.shared.telephones import Telephone
from cti_server.shared.viewer import needs

BY_HAND: Final = "receiver by hand"
"""The reason that the correction gives."""


class Receiving(DeskBase):
    """The receiving rep."""

    @needs("handle")
    def receivers(self) -> list[tuple[str, str]]:
        """(user, name) of those who may be entered as who took a call: they may handle, within the viewer's span."""
        return self.work.firm.people(reach(self.viewer.scope))

    @needs("handle")
    def receive(self, call_id: str, user: str | None) -> str | None:
        """Enters who took a call (null: nobody is known to have), as a recorded correction; gives who it was before.

        Raises Invalid where nobody took the call, or where the telephone was one person's then: the exchange tells who
        took it.
        """
        call = self._call(call_id)
        if not _was_taken(call):
            raise Invalid("Nobody of ours took this call", "user", "not-taken")
        if self._holder(call) is not None:
            raise Invalid(
                "The telephone that took this call was one person's then, so that it is known who took it",
                "user",
                "receiver-known",
            )
        if user is not None and user not in dict(self.receivers()):
            raise Invalid("There is no such colleague; choose one of the list", "user", "no-user")
        before = call.receiver
        if user != before:
            at = self.clock.now()
            self.work.calls.receive(call, user, self.viewer.id, at, BY_HAND)
            self._note("received", [call], receiver=user)
            self.work.work.told([call_id], [], at, [one for one in (user, before) if one is not None])
        return before

    def _asks_who(self, calls: Sequence[SeenCall]) -> set[str]:
        """Calls that a shared telephone took, of which nobody said yet who did."""
        by_exchange: dict[str, list[SeenCall]] = defaultdict(list)
        for call in calls:
            if call.receiver is None and _was_taken(call):
                by_exchange[call.log.exchange].append(call)
        asked: set[str] = set()
        for some in by_exchange.values():
            known = self._telephones(some)
            asked.update(one.log.id for one in some if (at := known.get(_taker(one))) is not None and at.shared)
        return asked

    def _may_enter(self, call: SeenCall) -> bool:
        """Whether the viewer may say who took it."""
        return self.viewer.may("handle") and _was_taken(call) and self._holder(call) is None

    def _holder(self, call: SeenCall) -> str | None:
        """Whose the telephone was that took the call, when it did."""
        known = self._telephones([call]).get(_taker(call))
        held = known.held(moment_of(call.log, known.extension, self.clock.now())) if known is not None else None
        return held.user if held is not None else None

    def _telephones(self, calls: Sequence[SeenCall]) -> dict[str, Telephone]:
        """Those that took these calls, which are of one exchange."""
        since = min(call.log.started_at for call in calls)
        return self.work.tracing.telephones(calls[0].log.exchange, {_taker(call) for call in calls}, since)


def _taker(call: SeenCall) -> str:
    return call.log.answered_by_extension or ""


def _was_taken(call: SeenCall) -> bool:
    return call.log.direction == "in" and bool(call.log.answered) and call.log.answered_by_extension is not None
