"""Trials of required items: seen, ended, taken up again (spec P6)."""

from __future__ import annotations

from dataclasses import replace

from cti_server.phases.desk_lists import Lists
from cti_server.phases.model import Service
from cti_server.phases.trials import State, Trial, TrialLine, TrialView, compared
from cti_server.phases.views import DealLine
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import needs

SHOWN = 10
DEALS = 50
ENDS: tuple[State, ...] = ("required", "optional", "undone")


class Trying(Lists):
    """Trying."""

    def trials(self, service_id: int) -> list[TrialLine]:
        """A service's trials, those that run first; over the viewer's customers."""
        self._manages()
        service, shelf = self._service(service_id), self.work.trials
        return [
            TrialLine(one, self._called(service, one.phase), compared(shelf.places(one.id), shelf.sums(one)))
            for one in shelf.of_service(service_id, SHOWN)
        ]

    def trial(self, trial_id: int) -> TrialView:
        """One of them, over the viewer's customers."""
        self._manages()
        one = self._trial(trial_id)
        service = self._service(one.service)
        places = self.work.trials.places(one.id)
        names = self.work.deals.names([one.started_by, one.ended_by, *places])
        return TrialView(
            trial=one,
            service=service,
            phase_name=self._called(service, one.phase),
            compared=compared(places, self.work.trials.sums(one)),
            optional=sorted(names.get(user, user) for user, place in places.items() if place.optional),
            required=sorted(names.get(user, user) for user, place in places.items() if not place.optional),
            names=names,
            partly=self.partly,
        )

    def trial_deals(self, trial_id: int, optional: bool) -> list[DealLine]:
        """The deals of a half, as far as the viewer's customers go."""
        self._manages()
        return self.work.trials.deals(self._trial(trial_id), optional, DEALS)

    @needs("phases")
    def end_trial(self, trial_id: int, version: int, how: str, reason: str) -> Trial:
        """The item stays required, becomes optional for everybody, or the trial is undone."""
        one = self._of_trial(trial_id, version)
        if one.state != "running":
            raise Conflict("This trial is over already; look at it again")
        state = next((each for each in ENDS if each == how), None)
        if state is None:
            raise Invalid("Choose how the trial ends", "how", "how-wrong")
        if state != "undone":
            self._requires(one, self._service(one.service), required=state == "required")
        return self._ended(replace(one, reason=" ".join(reason.split())[:200]), state)

    @needs("phases")
    def resume_trial(self, trial_id: int, version: int) -> Trial:
        """Takes the end of a trial back: it runs on, with the same halves."""
        one = self._of_trial(trial_id, version)
        if one.state == "running":
            raise Conflict("This trial is running; look at it again")
        if self.work.trials.running(one.phase) is not None:
            raise Conflict("Another trial runs in this phase; end that one first")
        if one.state == "optional":
            self._requires(one, self._service(one.service), required=True, was=False)
        running = replace(one, state="running", ended_at=None, ended_by=None, reason="")
        self.work.trials.put(running)
        self._note_trial(one, "trial resumed", {})
        return self._trial(one.id)

    def _ended(self, one: Trial, state: State) -> Trial:
        self.work.trials.put(replace(one, state=state, ended_at=self.clock.now(), ended_by=self.viewer.id))
        self._note_trial(one, "trial ended", {"how": state} | ({"reason": one.reason} if one.reason else {}))
        return self._trial(one.id)

    def _requires(self, one: Trial, service: Service, required: bool, was: bool = True) -> None:
        """Makes the item required or optional for everybody. Conflict where it is not as the trial left it."""
        items = [each for phase in service.phases for each in phase.items if each.id == one.item]
        if not items or items[0].required is not was:
            raise Conflict("The item was changed since; undo the trial, and change the item on its set-up page")
        if required is not was:
            self.work.set_up.save_item(replace(items[0], required=required))

    def _note_trial(self, one: Trial, act: str, more: dict[str, object]) -> None:
        detail = {"trial": one.id, "phase": one.phase, "item": one.item} | more
        self.work.set_up.note(self.viewer.id, self.clock.now(), act, str(one.service), detail)

    def _trial(self, trial_id: int) -> Trial:
        found = self.work.trials.get(trial_id)
        if found is None:
            raise NotFound("There is no such trial")
        return found

    def _of_trial(self, trial_id: int, version: int) -> Trial:
        found = self._trial(trial_id)
        if found.version != version:
            raise Conflict("Somebody else changed this trial in the meantime; look at it again")
        return found
