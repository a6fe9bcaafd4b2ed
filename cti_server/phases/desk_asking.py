"""Asking the customer by links, for reps; and answering, for who has a link (spec P6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from cti_server.phases import questionnaires as rules
from cti_server.phases.desk_base import PhaseBase, one_line
from cti_server.phases.filling import kept
from cti_server.phases.model import Deal
from cti_server.phases.ports import PhaseWork
from cti_server.phases.questionnaires import Form, Link
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import needs

DAY = 86_400.0
LANGUAGES = ("ja", "en")


class Asking(PhaseBase):
    """What a rep does about links."""

    @needs("handle")
    def ask_customer(
        self, deal_id: int, person: str, items: Collection[int], language: str, days: int, shows: bool
    ) -> str:
        """Makes a link for somebody at the customer; gives its token, which is kept nowhere."""
        deal = self._open(deal_id)
        phase = self._phase(self._service(deal.service), deal.phase)
        chosen = tuple(item.id for item in phase.items if item.id in items and item.concerns(deal.size))
        if not chosen:
            raise Invalid("Choose at least one input item to ask for", "items", "items-missing")
        if language not in LANGUAGES:
            raise Invalid("Choose Japanese or English", "language", "language-wrong")
        if not 1 <= days <= rules.LONGEST_DAYS:
            raise Invalid("A link lasts 1 to 90 days", "days", "days-wrong")
        now = self.clock.now()
        links = self.work.questionnaires.of_deal(deal_id)
        if sum(rules.takes_answers(rules.state(one, deal, now)) for one in links) >= rules.MOST_LINKS:
            raise Invalid("There are many links for this deal already; take one back first", "person", "links-many")
        who = one_line(person, "person", rules.LONGEST_PERSON)
        token = rules.new_token()
        new = Link(0, deal_id, deal.phase, who, language, chosen, shows, self.viewer.id, now, now + days * DAY)
        link = self.work.questionnaires.add(new, rules.token_key(token))
        told = {"link": link, "items": list(chosen), "days": days, "shows": shows}
        self.work.deals.note(deal, self.viewer.id, now, "questionnaire made", told)
        return token

    @needs("handle")
    def take_link_back(self, deal_id: int, link_id: int) -> None:
        """Nobody answers under it any more."""
        deal = self._seen_to(deal_id)
        link = next((one for one in self.work.questionnaires.of_deal(deal_id) if one.id == link_id), None)
        if link is None or link.revoked_at is not None:
            raise NotFound("There is no such link")
        now = self.clock.now()
        self.work.questionnaires.put(replace(link, revoked_at=now))
        self.work.deals.note(deal, self.viewer.id, now, "questionnaire taken back", {"link": link_id})

    @needs("handle")
    def take_answer(self, deal_id: int, answer_id: int) -> None:
        """The customer's answer becomes what the item says, in place of what was typed."""
        deal = self._open(deal_id)
        given = self.work.questionnaires.given(deal_id)
        one = next((each for each in given if each.id == answer_id), None)
        if one is None:
            raise NotFound("There is no such answer")
        phase = self._phase(self._service(deal.service), deal.phase)
        if all(item.id != one.item for item in phase.items):
            raise Conflict("This phase has other input items now; look at the deal again")
        now = self.clock.now()
        self.work.done.fill(deal_id, {one.item: one.value}, f"{rules.AUTHOR}{one.link}", now)
        self.work.done.keep_draft(deal_id, self.viewer.id, one.item, None, now)
        self.work.deals.note(deal, self.viewer.id, now, "answer taken over", {"link": one.link, "items": [one.item]})


class Answering:
    """What who has a link may do: in a transaction of the server itself, which sees nothing but what the link asks."""

    def __init__(self, work: PhaseWork, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    def open(self, token: str) -> Form | None:
        """The form under a link; null where there is no such link. That it was opened is kept."""
        found = self._found(token)
        if found is None:
            return None
        link, deal = found
        form = self._form(link, deal)
        if link.opened_at is None and rules.takes_answers(form.state):
            now = self._clock.now()
            self._work.questionnaires.put(replace(link, opened_at=now))
            self._work.deals.note(deal, None, now, "questionnaire opened", {"link": link.id})
        return form

    def answer(self, token: str, typed: Mapping[int, str], finished: bool) -> Form | None:
        """Keeps what was answered; gives the form as it is then. Raises Invalid, naming the item, and keeps nothing,
        where one can't be taken; Conflict where nothing is asked any more."""
        found = self._found(token)
        if found is None:
            return None
        link, deal = found
        form = self._form(link, deal)
        if not rules.takes_answers(form.state):
            raise Conflict("Nothing is asked under this link any more; tell your contact instead")
        values = {item.id: kept(item, typed[item.id]) for item in form.items if item.id in typed}
        changed = {item: value for item, value in values.items() if value != form.values.get(item, "")}
        if self._work.questionnaires.count(link.id) + len(changed) > rules.MOST_ANSWERS:
            raise Conflict("So much was changed under this link that it takes no more; tell your contact instead")
        now = self._clock.now()
        if changed:
            before = self._work.done.answers(deal.id)
            settled = {item: text for item, text in changed.items() if rules.settles(before.get(item))}
            self._work.questionnaires.give(link, changed, now)
            self._work.done.fill(deal.id, settled, link.author, now)
            self._work.deals.note(
                deal, None, now, "questionnaire answered", {"link": link.id, "items": sorted(changed)}
            )
        link = replace(
            link,
            opened_at=link.opened_at or now,
            answered_at=now if changed else link.answered_at,
            finished_at=now if finished else link.finished_at,
        )
        self._work.questionnaires.put(link)
        return self._form(link, deal)

    def _found(self, token: str) -> tuple[Link, Deal] | None:
        link = self._work.questionnaires.by_key(rules.token_key(token))
        deal = self._work.deals.get(link.deal) if link is not None else None
        return None if link is None or deal is None else (link, deal)

    def _form(self, link: Link, deal: Deal) -> Form:
        service = self._work.set_up.service(deal.service)
        phase = next((one for one in service.phases if one.id == link.phase), None) if service is not None else None
        stands = rules.state(link, deal, self._clock.now())
        if service is None or phase is None or not rules.takes_answers(stands):
            ended: rules.LinkState = "ended" if rules.takes_answers(stands) else stands
            return Form(link, "", "", [], {}, ended)
        answers, given = self._work.done.answers(deal.id), self._work.questionnaires.given(deal.id)
        return Form(
            link,
            self._work.questionnaires.branch_name(deal),
            service.name,
            rules.asked(link, phase, deal),
            rules.shown(link, answers, given),
            stands,
            phase,
        )
