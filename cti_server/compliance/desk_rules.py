"""The rules: each saving is a version, which leaves the past alone unless it says otherwise."""

from __future__ import annotations

from cti_server.compliance.desk_base import DeskBase
from cti_server.compliance.rules import Policy, checked
from cti_server.compliance.versions import Version, as_json
from cti_server.compliance.views import Recount
from cti_server.shared.errors import Conflict, Invalid
from cti_server.shared.viewer import needs

NOTE_LONGEST = 200


class RulesDesk(DeskBase):
    """Every reviewer sees them; changing them takes a right of its own."""

    @needs("audit")
    def policy_versions(self) -> list[Version]:
        """All of them by number; the last one holds for calls from now on."""
        return self.work.policies.versions()

    @needs("audit")
    def pending_recount(self) -> Recount | None:
        """Past calls that have to be looked at again."""
        return self.work.policies.pending_recount()

    @needs("rules")
    def save_policy(self, policy: Policy, based_on: int, since: float | None, note: str) -> Version:
        """Saves a version. It holds for calls from now on, or from ``since`` (epoch seconds, UTC): then past calls have
        to be looked at again. Raises Invalid where rules contradict each other, Conflict where somebody else saved
        meanwhile."""
        self.viewer.require("audit")
        versions = self.work.policies.versions()
        if versions[-1].number != based_on:
            raise Conflict("Somebody else changed the rules in the meantime; look at them again and repeat your change")
        bare = " ".join(note.split())
        if len(bare) > NOTE_LONGEST:
            raise Invalid("The note is longer than 200 characters; shorten it", "note", "note-long")
        now = self.clock.now()
        if since is not None and since > now:
            raise Invalid("Rules hold from now on, or from a day in the past", "since", "since-future")
        start = now if since is None else since
        made = Version(based_on + 1, checked(policy), start, now, self.viewer.id, note=bare)
        self.work.policies.add(made)
        detail = {"version": made.number, "since": start, "note": bare, "was": as_json(versions[-1].policy)}
        self.work.policies.note(self.viewer.id, now, "compliance rules changed", detail | {"is": as_json(policy)})
        if since is not None:
            self.work.policies.ask_recount(since, now)
        return made
