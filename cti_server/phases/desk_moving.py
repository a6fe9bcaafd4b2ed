"""From phase to phase, and from member to member (spec P1, P4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from random import Random

from cti_server.phases.choosing import Choice, Chooser, Question
from cti_server.phases.desk_lists import Lists
from cti_server.phases.desk_valuing import Valuing
from cti_server.phases.model import Deal, Member, Phase, Service, Step
from cti_server.phases.money import Money
from cti_server.phases.reasons import reasons_of
from cti_server.phases.suggesting import completion
from cti_server.phases.team import Team, by_user
from cti_server.phases.views import NextView
from cti_server.shared.errors import Conflict, Invalid
from cti_server.shared.viewer import needs


@dataclass(frozen=True, slots=True)
class Signed:
    """A contract, as it is entered at the end of the contract's phase."""

    start: date
    price: Money | None
    plan: int | None = None


class Moving(Lists, Valuing):
    """Moving."""

    @needs("handle")
    def next(self, deal_id: int) -> NextView:
        """Who may take the deal in the phase to come, the best first (S501, S502)."""
        deal = self._open(deal_id)
        service = self._service(deal.service)
        to = service.after(deal.phase)
        return self._shown(deal, service, to, self._choose(deal, service, to) if to else None)

    @needs("handle")
    def hand_on(self, deal_id: int, version: int, picked: str | None = None, signed: Signed | None = None) -> Deal:
        """The phase is complete: the deal goes to the next one, to whom the viewer picked or the rule chooses (S503,
        S504), or to nobody yet; after the last phase it is won."""
        deal = self._open(deal_id)
        if deal.version != version:
            raise Conflict("Somebody else changed this deal in the meantime; look at it again")
        service = self._service(deal.service)
        phase = self._asked(service, deal)
        done = completion(phase, deal.size, self.work.done.answers(deal_id), service.complete_at)
        if not done.complete:
            raise Invalid("Required items are still missing; fill them in first", "items", "not-complete")
        if phase.contract:
            if signed is None:
                raise Invalid("Enter the contract: from when, and for how much a month", "start", "contract-missing")
            deal = self._sign(deal, service, signed.start, signed.price, signed.plan, "contract signed")
        now = self.clock.now()
        to = service.after(phase.id)
        if to is None:
            won = replace(deal, state="won", through=True, closed_at=now)
            self.work.deals.put(won)
            self.work.deals.note(won, self.viewer.id, now, "deal won", {})
            return won
        moved = replace(
            deal,
            phase=to.id,
            member=None,
            entered_at=now,
            due_at=now,
            again=None,
            steps=(*deal.steps, Step(to.id, None, now)),
        )
        self.work.deals.put(moved)
        moved = self._deal(deal_id)
        self.work.deals.note(moved, self.viewer.id, now, "deal moved", {"from": phase.name, "to": to.name})
        return self._give(moved, service, to, picked)

    @needs("handle")
    def others(self, deal_id: int) -> NextView:
        """Who else may take the deal in its phase, the best first: its member is away, or nobody has it yet."""
        deal = self._open(deal_id)
        service = self._service(deal.service)
        phase = self._phase(service, deal.phase)
        choice = self._choose(deal, service, phase)
        best = tuple(one for one in choice.best if one.member != deal.member)
        return self._shown(deal, service, phase, replace(choice, best=best))

    @needs("handle")
    def pass_on(self, deal_id: int, version: int, picked: str) -> Deal:
        """Another member takes the deal over within its phase."""
        deal = self._open(deal_id)
        if deal.version != version:
            raise Conflict("Somebody else changed this deal in the meantime; look at it again")
        service = self._service(deal.service)
        return self._give(deal, service, self._phase(service, deal.phase), picked)

    def _shown(self, deal: Deal, service: Service, to: Phase | None, choice: Choice | None) -> NextView:
        members = [one.member for one in choice.best] if choice else []
        members += [one.member for one in choice.passed_over] if choice else []
        return NextView(
            view=self._view(deal, service),
            to=to,
            reasons=reasons_of(choice, service, None) if choice else {},
            names=self.work.deals.names(members),
        )

    @needs("handle")
    def take(self) -> int:
        """The viewer has time: they get the customer that waits for longest in one of their phases."""
        member = self.work.set_up.member(self.viewer.id)
        found = self.work.deals.next_waiting(member.works, member) if member else None
        if member is None or found is None:
            raise Conflict("No customer waits for you just now")
        self.work.deals.reach(found, self.viewer.id, self.clock.now())
        deal = self._open(found)
        service = self._service(deal.service)
        self._give(deal, service, self._phase(service, deal.phase), self.viewer.id)
        return found

    @needs("handle")
    def back(self, deal_id: int, reason: str) -> Deal:
        """Back to the phase before, and to who handled it there where they still can."""
        deal = self._open(deal_id)
        service = self._service(deal.service)
        if len(deal.steps) < 2:
            raise Conflict("The deal is in its first phase")
        now, last = self.clock.now(), deal.steps[-2]
        to = self._phase(service, last.phase)
        moved = replace(
            deal,
            phase=to.id,
            member=None,
            entered_at=now,
            due_at=now,
            again=None,
            steps=(*deal.steps[:-2], Step(to.id, None, now)),
        )
        if to.contract:
            moved = self._unsign(moved, reason)
        self.work.deals.put(moved)
        moved = self._deal(deal_id)
        self.work.deals.note(moved, self.viewer.id, now, "deal moved back", {"to": to.name, "reason": reason})
        return self._give(moved, service, to, last.member, insist=False)

    # --- choosing

    def _works(self, phase_id: int) -> bool:
        member = self.work.set_up.member(self.viewer.id)
        return member is not None and phase_id in member.works

    def _team(self, deal: Deal, service: Service) -> Team:
        members: dict[str, Member] = by_user(self.work.set_up.members())
        holding = self.work.deals.holding(deal)
        return Team(members, service, holding, self.work.deals.held(list(members)), self.clock.now())

    def _choose(self, deal: Deal, service: Service, phase: Phase) -> Choice:
        """The best for a phase. Chance is the deal's own, so that looking twice shows the same."""
        place = service.place(phase.id)
        handled = {step.phase: step.member or "" for step in deal.steps}
        question = Question(place, deal.source, tuple(handled.get(one.id, "") for one in service.phases[:place]))
        earlier = service.place(service.earlier) if service.earlier in [one.id for one in service.phases] else None
        chooser = Chooser(service.rule, earlier)
        dice = Random(f"{deal.id} {phase.id}").random()
        book = self.work.deals.book(service, question)
        return chooser.choose(book, question, self._team(deal, service), max(1, service.shown), dice)

    def _give(self, deal: Deal, service: Service, phase: Phase, picked: str | None, insist: bool = True) -> Deal:
        """Gives a deal to who was picked, else to whom the rule chooses; keeps why. ``insist``: who was picked and
        can't is an error, not a reason to choose somebody else."""
        now = self.clock.now()
        choice = self._choose(deal, service, phase)
        if picked is not None:
            why = self._team(deal, service).obstacle(picked, service.place(phase.id))
            if why is not None and insist and picked != self.viewer.id:
                raise Conflict("They can't take this customer just now; choose somebody else")
            if why in ("phase", "scope") or (why is not None and not insist):
                picked = None
        got = picked if picked is not None else choice.member
        given = replace(deal, member=got, steps=(*deal.steps[:-1], replace(deal.steps[-1], member=got)))
        self.work.deals.put(given)
        self.work.done.chosen(
            deal.id, phase.id, reasons_of(choice, service, picked), str(choice.rule), got, self.viewer.id, now
        )
        self.work.deals.note(given, self.viewer.id, now, "deal given", {"to": got, "phase": phase.name})
        if got is not None:
            self.work.deals.give(given, now)
        return given
