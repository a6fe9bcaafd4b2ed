"""Use of the service: where it is known from, what it prompts, and readings as they come (spec P2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from cti_server.phases import usage as rules
from cti_server.phases.desk_base import PhaseBase, one_line
from cti_server.phases.model import Deal, Service
from cti_server.phases.usage import Index, IndexHistory, Outcome, Source, Told, Usage, UsageRule
from cti_server.phases.usage_message import Message
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import needs

MOST_INDEXES: Final = 20
MOST_RULES: Final = 30
LONGEST_ADDRESS: Final = 500
LONGEST: Final = 100
LOT: Final = 200
"""Readings of one transaction: a telephone's pop-up waits behind it."""
NAMED: Final = 5


class Using(PhaseBase):
    """Set-up by an administrator, and readings."""

    @needs("phases")
    def usage_source(self, service_id: int) -> tuple[Service, Source, list[UsageRule]]:
        """Where the use of a service is known from, and what it prompts."""
        service = self._service(service_id)
        return service, self._source(service_id), self.work.usage.rules(service_id)

    @needs("phases")
    def save_source(self, source: Source) -> None:
        """Where it is known from. What was read stays."""
        service = self._service(source.service)
        if len(source.indexes) > MOST_INDEXES:
            raise Invalid("A service has at most 20 indices of use", "indexes", "indexes-many")
        keys = [one.key for one in source.indexes]
        if len(set(keys)) < len(keys):
            raise Invalid("An index is there twice; name each once", "indexes", "indexes-twice")
        for one in source.indexes:
            one_line(one.key, "indexes", LONGEST)
            one_line(one.label, "indexes", LONGEST)
        used = {rule.index for rule in self.work.usage.rules(source.service)}
        if not used <= set(keys):
            raise Conflict("A rule goes by an index that would be gone; remove the rule first")
        if not 1 <= source.every_hours <= 24 * 7:
            raise Invalid("It can be asked every 1 to 168 hours", "every_hours", "every-wrong")
        if source.address:
            _check_address(source.address)
        before = self._source(source.service)
        moved = source.address != before.address
        # Another server is asked from the start, and not with the token that was meant for the one before.
        latest = None if moved else before.latest
        secret = "" if moved and source.secret == before.secret else source.secret
        self.work.usage.put_source(replace(source, latest=latest, secret=secret))
        detail = {"service": source.service, "host": urlsplit(source.address).hostname or "", "indexes": keys}
        self.work.set_up.note(self.viewer.id, self.clock.now(), "usage source changed", service.name, detail)

    @needs("phases")
    def add_usage_rule(self, rule: UsageRule) -> int:
        """What a customer's use prompts."""
        service = self._service(rule.service)
        source = self._source(rule.service)
        if rule.index not in [one.key for one in source.indexes]:
            raise Invalid("Choose one of the service's indices of use", "index", "usage-index")
        if rule.measure not in rules.MEASURES or rule.side not in rules.SIDES or rule.advice not in rules.ADVICES:
            raise Invalid(
                "Choose what is measured, which side of the threshold, and what is done", "measure", "usage-rule"
            )
        if not 1 <= rule.days <= rules.LONGEST_DAYS:
            raise Invalid("Between 1 and 365 days can be looked back on", "days", "usage-days")
        if len(self.work.usage.rules(rule.service)) >= MOST_RULES:
            raise Invalid("A service has at most 30 rules for its use; remove one first", "index", "usage-rules-many")
        topic = one_line(rule.topic, "topic", LONGEST) if rule.advice == "explain" else ""
        if rule.advice == "plan" and not service.plans:
            raise Invalid("The service has no plans yet that could be proposed; add them first", "advice", "no-plans")
        made = self.work.usage.add_rule(replace(rule, topic=topic))
        self._noted("usage rule added", service, replace(rule, id=made, topic=topic))
        return made

    @needs("phases")
    def remove_usage_rule(self, service_id: int, rule_id: int) -> None:
        """It prompts nothing any more."""
        service = self._service(service_id)
        rule = next((one for one in self.work.usage.rules(service_id) if one.id == rule_id), None)
        if rule is None:
            raise NotFound("There is no such rule")
        self.work.usage.remove_rule(rule_id)
        self._noted("usage rule removed", service, rule)

    # --- readings

    @needs("phases")
    def told(self, service_id: int, message: Message) -> Outcome:
        """Readings that the service's server brought, as far as the viewer's customers go."""
        outcome = self.take_readings(service_id, message.told, message.refused)
        self.work.usage.outcome(service_id, outcome, asked=False, latest=None)
        return outcome

    def take_readings(self, service_id: int, told: Sequence[Told], refused: Sequence[tuple[int, str]] = ()) -> Outcome:
        """Keeps readings of customers within the scope. Where they prompt something, the customer's open deals come
        first in their members' lists. What was known already changes nothing, so that it can be told again."""
        service = self._service(service_id)
        source = self._source(service_id)
        now = self.clock.now()
        seen = self.work.usage.seen(sorted({one.customer for one in told}))
        # One reason for a code that is none and for one outside the scope: neither may be told from the other.
        refused = [*refused, *((one.place, "customer") for one in told if one.customer not in seen)]
        ours = [one for one in told if one.customer in seen]
        new = self.work.usage.keep(service_id, ours)
        self._prompt(service, source, new, now)
        why = Counter(reason for _place, reason in refused)
        places = sorted(place for place, _reason in refused)[:NAMED]
        return Outcome(now, "", len(new), len(ours) - len(new), len(refused), dict(why), tuple(places))

    def _prompt(self, service: Service, source: Source, new: Sequence[Told], now: float) -> None:
        """Deals of which readings prompt something from now on are seen to first."""
        by = self.work.usage.rules(service.id)
        if not by or not new:
            return
        moments: dict[str, set[tuple[str, float]]] = {}
        for one in new:
            moments.setdefault(one.customer, set()).add((one.index, one.reading.at))
        deals = self.work.usage.open_deals(service.id, sorted(moments))
        readings = self.work.usage.readings(service.id, sorted({deal.customer for deal in deals}))
        for deal in deals:
            met = rules.prompts(by, source, readings.get(deal.customer, {}), service.plans, deal.price, now)
            begun = [one for one in met if (one.rule.index, one.since) in moments[deal.customer]]
            if begun:
                self._first(deal, [one.rule.id for one in begun], now)

    def _first(self, deal: Deal, by: list[int], now: float) -> None:
        if deal.due_at > now:
            self.work.deals.put(replace(deal, due_at=now, again=None))
        self.work.deals.note(deal, None, now, "usage prompts", {"rules": by})

    # --- shown

    def _usage(self, deal: Deal, service: Service) -> Usage | None:
        """A customer's use of the deal's service; null where nothing is known of any."""
        source = self.work.usage.source(service.id)
        if source is None or not source.indexes:
            return None
        readings = self.work.usage.readings(service.id, [deal.customer]).get(deal.customer, {})
        by = self.work.usage.rules(service.id)
        return Usage(
            [IndexHistory(one, readings.get(one.key, [])[-rules.SHOWN :]) for one in source.indexes],
            rules.prompts(by, source, readings, service.plans, deal.price, self.clock.now()),
        )

    def _source(self, service_id: int) -> Source:
        return self.work.usage.source(service_id) or Source(service_id, version=0)

    def _noted(self, act: str, service: Service, rule: UsageRule) -> None:
        detail = {
            "service": service.id,
            "rule": rule.id,
            "index": rule.index,
            "measure": rule.measure,
            "side": rule.side,
            "threshold": str(rule.threshold),
            "days": rule.days,
            "advice": rule.advice,
        }
        self.work.set_up.note(self.viewer.id, self.clock.now(), act, service.name, detail)


def indexes(text: str) -> tuple[Index, ...]:
    """Indices as they are typed: one a line, what the server calls it, then what people call it."""
    found = []
    for line in text.splitlines():
        key, _space, label = line.strip().partition(" ")
        if key:
            found.append(Index(key, label.strip() or key))
    return tuple(found)


def _check_address(address: str) -> None:
    wrong = "Enter the address of the service's server, such as https://api.example.com/usage"
    if len(address) > LONGEST_ADDRESS or not address.isprintable():
        raise Invalid(wrong, "address", "usage-address")
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as bad:
        raise Invalid(wrong, "address", "usage-address") from bad
    if not fits or parts.username or parts.password or parts.fragment:
        raise Invalid(wrong, "address", "usage-address")
