"""What a member does for a deal: opens it, acts, types, saves, puts it off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cti_server.phases.desk_base import one_line
from cti_server.phases.desk_moving import Moving
from cti_server.phases.filling import LONGEST, kept
from cti_server.phases.model import ACTION_KINDS, SIZES, Action, ActionKind, Deal, InputItem, NewDeal
from cti_server.phases.suggesting import Completion, completion
from cti_server.phases.velocity import DAY, again
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import needs

LATEST = 400 * DAY


class Acting(Moving):
    """Acting."""

    @needs("handle")
    def open_deal(self, new: NewDeal) -> Deal:
        """Opens a deal in the service's first phase. The viewer takes it where they work that phase; else it goes to
        whom the service's rule chooses, or waits."""
        service = self._service(new.service)
        if not service.phases:
            raise Invalid("This service has no phases yet; set them up first", "service", "no-phases")
        if self.work.deals.customer(new.customer) is None:
            raise NotFound("There is no such customer")
        if new.size not in SIZES:
            raise Invalid("Choose whether the deal is small or large", "size", "size-wrong")
        now = self.clock.now()
        if new.first_contact > self.work.deals.branch_day(new.customer, now):
            raise Invalid("The first contact can't be in the future", "first_contact", "first-contact-late")
        named = replace(new, title=one_line(new.title, "title"), source=one_line(new.source, "source"))
        deal_id = self.work.deals.add(named, service.phases[0].id, now)
        deal = self._deal(deal_id)
        self.work.deals.note(deal, self.viewer.id, now, "deal opened", {"service": service.name})
        first = service.phases[0]
        return self._give(deal, service, first, self.viewer.id if self._works(first.id) else None)

    @needs("handle")
    def begin(self, deal_id: int, kind: ActionKind) -> int:
        """An action begins now."""
        deal = self._open(deal_id)
        self._known(kind)
        for running in self.work.done.actions(deal_id, 20):
            if running.by == self.viewer.id and running.ended_at is None and not running.call:
                raise Conflict("You began something for this deal already; end that first")
        now = self.clock.now()
        action = self.work.done.act(deal_id, deal.phase, Action(0, kind, False, now, None, self.viewer.id))
        self.work.deals.note(deal, self.viewer.id, now, "deal action begun", {"action": action, "kind": kind})
        return action

    @needs("handle")
    def finish(self, deal_id: int, action_id: int, note: str) -> None:
        """The viewer's action is over."""
        deal = self._open(deal_id)
        mine = [one for one in self.work.done.actions(deal_id, 50) if one.id == action_id and one.by == self.viewer.id]
        if not mine or mine[0].ended_at is not None:
            raise Conflict("This is over already; look at it again")
        now = self.clock.now()
        self.work.done.end_action(deal_id, action_id, now, note.strip()[:LONGEST])
        self._again(deal, now)
        self.work.deals.note(deal, self.viewer.id, now, "deal action ended", {"action": action_id})

    @needs("handle")
    def log(self, deal_id: int, kind: ActionKind, note: str) -> None:
        """Something was done, or came, just now."""
        deal = self._open(deal_id)
        self._known(kind)
        now = self.clock.now()
        action = Action(0, kind, kind == "mail in", now, now, self.viewer.id, note.strip()[:LONGEST])
        kept_as = self.work.done.act(deal_id, deal.phase, action)
        self._again(deal, now)
        self.work.deals.note(deal, self.viewer.id, now, "deal action", {"action": kept_as, "kind": kind})

    @needs("handle")
    def type(self, deal_id: int, item_id: int, value: str) -> None:
        """What is being typed, so that nothing is lost; not saved as the item's value yet."""
        deal = self._open(deal_id)
        self._item(deal, item_id)
        self.work.done.keep_draft(deal_id, self.viewer.id, item_id, value[:LONGEST], self.clock.now())

    @needs("handle")
    def save(self, deal_id: int, typed: Mapping[int, str]) -> Completion:
        """Fills items in; says how far the phase is. What was typed is no draft any more."""
        deal = self._open(deal_id)
        service = self._service(deal.service)
        values = {item: kept(self._item(deal, item), text) for item, text in typed.items()}
        before = self.work.done.answers(deal_id)
        changed = {
            item: text for item, text in values.items() if text != (before[item].value if item in before else "")
        }
        now = self.clock.now()
        if changed:
            self.work.done.fill(deal_id, changed, self.viewer.id, now)
            self._again(deal, now)
            self.work.deals.note(deal, self.viewer.id, now, "deal filled in", {"items": sorted(changed)})
        for item in values:
            self.work.done.keep_draft(deal_id, self.viewer.id, item, None, now)
        answers = self.work.done.answers(deal_id)
        return completion(self._asked(service, deal), deal.size, answers, service.complete_at)

    @needs("handle")
    def put_off(self, deal_id: int, until: float) -> None:
        """The deal is suggested again at that moment; epoch seconds, UTC."""
        deal = self._open(deal_id)
        now = self.clock.now()
        if not now < until < now + LATEST:
            raise Invalid("Choose a day to come, within a year", "until", "until-wrong")
        self.work.deals.put(replace(deal, due_at=until, again=None))
        self.work.deals.note(deal, self.viewer.id, now, "deal put off", {"until": until})

    def _again(self, deal: Deal, now: float) -> None:
        """Something was done: it is suggested again in a while."""
        phase = self._phase(self._service(deal.service), deal.phase)
        made = again(self.work.deals.pace(phase.id), phase.target_days)
        if now + made.seconds >= deal.due_at:
            self.work.deals.put(replace(deal, due_at=now + made.seconds, again=made))

    def _item(self, deal: Deal, item_id: int) -> InputItem:
        phase = self._phase(self._service(deal.service), deal.phase)
        found = next((one for one in phase.items if one.id == item_id and one.concerns(deal.size)), None)
        if found is None:
            raise Conflict("This phase has other input items now; look at the deal again")
        return found

    def _known(self, kind: str) -> None:
        if kind not in ACTION_KINDS:
            raise Invalid("Choose one of the actions", "kind", "kind-wrong")
