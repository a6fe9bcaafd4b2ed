"""What the desk tells whoever looks after the exchanges: what an exchange said, and why there was no pop-up."""

from __future__ import annotations

from cti_server.calls.desk_base import one_line
from cti_server.calls.desk_lists import Lists
from cti_server.calls.ports import TrailEntry
from cti_server.calls.raw_text import Sight, sees_every_caller, sight_of
from cti_server.shared.errors import NotAllowed
from cti_server.shared.viewer import needs


class Tracing(Lists):
    """From the bytes to the screen."""

    @needs("exchanges")
    def raw_sight(self, exchange: str) -> Sight:
        """How much of what an exchange says the viewer sees. NotFound outside the span."""
        self.exchange(exchange)
        return sight_of(self.viewer.scope)

    @property
    def may_reveal_raw(self) -> bool:
        """Whether the viewer may ask for whole numbers and names: somebody who may elsewhere, and from whom no caller
        is hidden."""
        known = self.viewer.may("handle") or self.viewer.may("audit")
        return known and self.viewer.may("exchanges") and sees_every_caller(self.viewer.scope)

    @needs("exchanges")
    def reveal_raw(self, exchange: str, reason: str) -> Sight:
        """Lets the viewer see whole numbers and names of what an exchange says; the reason stands in the trail."""
        self.exchange(exchange)
        if not self.may_reveal_raw:
            raise NotAllowed("Your role shows numbers masked; ask the rep in charge, or an administrator for the right")
        reason = one_line(reason, "reason", needed=True)
        entry = TrailEntry(self.clock.now(), self.viewer.id, "raw revealed", None, {"reason": reason})
        self.work.records.add_trail("exchange", exchange, [entry])
        return Sight.WHOLE
