"""What is shown: a member's deals, one deal, and what managers see."""

from __future__ import annotations

from collections.abc import Mapping

from cti_server.phases.desk_using import Using
from cti_server.phases.model import Deal, Service
from cti_server.phases.questionnaires import offered, state
from cti_server.phases.suggesting import completion, suggestion
from cti_server.phases.usage import unanswered
from cti_server.phases.views import CustomerDeals, DealLine, DealView, Mine, PathLine, ServicePage, StepLine
from cti_server.shared.errors import NotAllowed, NotFound
from cti_server.shared.scope import Span

LOOK_SECONDS = 300.0
"""A second look within this time is the same one."""
LISTED = 100
ACTIONS = 30
WAITING = 20
PATHS = 50


class Lists(Using):
    """Reading."""

    def mine(self) -> Mine:
        """The viewer's open deals, the most urgent first; and whether they could take one that waits."""
        member = self.work.set_up.member(self.viewer.id)
        works = member.works if member else frozenset()
        can_take = bool(member and works and self.work.deals.next_waiting(works, member) is not None)
        return Mine(
            rows=self.work.deals.of_member(self.viewer.id, LISTED),
            waiting=self.work.deals.waiting(works, WAITING) if works else [],
            can_take=can_take,
            member=member,
            services=self.work.set_up.services(),
        )

    def deal(self, deal_id: int) -> DealView:
        """One deal with everything about it. The look is noted."""
        deal = self._deal(deal_id)
        self.work.deals.looked(deal, self.viewer.id, self.clock.now(), LOOK_SECONDS)
        return self._view(deal, self._service(deal.service))

    def sees(self, deal_id: int) -> bool:
        """Whether a deal is the viewer's to see."""
        return self.work.deals.get(deal_id) is not None

    def holder(self, deal: Deal) -> str:
        """The name of who has a deal; empty where it waits."""
        return self.work.deals.names([deal.member]).get(deal.member or "", "")

    def deals_of(self, code: str) -> list[DealLine]:
        """A customer's deals, newest first; none where the customer is not the viewer's to see."""
        return self.work.deals.of_customer(code)

    def open_deals(self, code: str) -> list[DealLine]:
        """Those of them that are open: what a call with the customer is about, perhaps."""
        return [one for one in self.deals_of(code) if one.state == "open"]

    def of_customer(self, code: str) -> CustomerDeals:
        """A customer's deals, and the services that it could be offered."""
        if self.work.deals.customer(code) is None:
            raise NotFound("There is no such customer")
        return CustomerDeals(self.work.deals.of_customer(code), [one for one in self._sold() if one.phases])

    def _view(self, deal: Deal, service: Service) -> DealView:
        phase = self._asked(service, deal)
        customer = self.work.deals.customer(deal.customer)
        if customer is None:
            raise NotFound("There is no such deal")
        answers = self.work.done.answers(deal.id)
        actions = self.work.done.actions(deal.id, ACTIONS)
        done = completion(phase, deal.size, answers, service.complete_at)
        used = self._usage(deal, service)
        prompted = unanswered(used.prompts, actions, self.clock.now()) if used else []
        values = self.work.done.values(deal.id)
        choices = self.work.done.choices(deal.id)
        people = [deal.member, *(step.member for step in deal.steps), *(one.by for one in answers.values())]
        people += [one.by for one in actions] + [one.by for one in values]
        people += [user for one in choices for user in (one["by"], one["member"], *_named(one))]
        names = self.work.deals.names(people)
        called = {one.id: one.name for one in service.phases}
        links = self.work.questionnaires.of_deal(deal.id)
        given = self.work.questionnaires.given(deal.id) if links else []
        asked = {one.id: one.person for one in links}
        names = {**names, **{one.author: one.person for one in links}}
        return DealView(
            deal=deal,
            service=service,
            phase=phase,
            customer=customer,
            member_name=names.get(deal.member or "", ""),
            names=names,
            completion=done,
            suggestion=suggestion(deal, phase, done, actions, prompted),
            usage=used,
            answers=answers,
            drafts=self.work.done.drafts(deal.id, self.viewer.id),
            actions=actions,
            running=next(
                (one for one in actions if one.by == self.viewer.id and not one.call and one.ended_at is None), None
            ),
            steps=[StepLine(called.get(one.phase, ""), names.get(one.member or "", ""), one.at) for one in deal.steps],
            values=values,
            choices=choices,
            links=[(one, state(one, deal, self.clock.now())) for one in links],
            offered=offered(answers, given, asked),
            plain=self.viewer.scope.span is Span.ALL,
            may_act=self.viewer.may("handle") and self._acts(deal),
        )

    def _sold(self) -> list[Service]:
        return self.work.set_up.services()

    # --- managers

    def overview(self) -> list[ServicePage]:
        """Each service as its manager sees it, over the customers of their branches."""
        self._manages()
        now = self.clock.now()
        back = {one.user: until for one in self.work.set_up.absent(now) if (until := one.staffing.back_at(now))}
        return [self._page(service, back) for service in self._sold() if service.phases]

    def paths(self, service_id: int, phase_id: int, member: str) -> list[PathLine]:
        """The table of paths behind a member's value in a phase, as far as the viewer's customers go."""
        self._manages()
        return self.work.done.paths(self._service(service_id), phase_id, member, PATHS)

    def _page(self, service: Service, back: Mapping[str, float]) -> ServicePage:
        phases = [one.id for one in service.phases]
        return ServicePage(
            service=service,
            funnel=self.work.done.funnel(service),
            members=self.work.done.member_sums(service),
            waiting=self.work.deals.waiting(phases, WAITING),
            awaiting=len(self.work.learning.awaiting(service.id)),
            left=self.work.deals.of_members(service.id, back.keys(), WAITING),
            back=back,
        )

    @staticmethod
    def _called(service: Service, phase_id: int) -> str:
        """The name of a phase; empty where it was taken out of the order meanwhile."""
        return next((one.name for one in service.phases if one.id == phase_id), "")

    def _manages(self) -> None:
        if self.viewer.scope.span is Span.OWN:
            raise NotAllowed("This page is for those who look after a branch or the firm")


def _named(choice: dict[str, object]) -> list[str]:
    """Whom a kept choice names."""
    lots = [choice.get("best"), choice.get("passed")]
    return [one["member"] for lot in lots if isinstance(lot, list) for one in lot]
