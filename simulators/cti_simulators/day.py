"""A day of a branch: who calls when, and what becomes of it; first a past part of the day, then calls without end."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cti_server.shared.people import Customer
from cti_simulators.people import OFFICES, SEED, Firm, Office, firm
from cti_simulators.scenarios import WITHHELD, Outcome, Scenario, Side, Site, Transfer

QUEUE = "main"
LONGEST_GAP = 10.0
"""Live, the next call at the head office begins at most so many seconds after the one before; every second one is from
a customer of its first rep, so that there is always something to see."""

_OUTCOMES: Sequence[tuple[str, float]] = (
    ("answered", 40),
    ("given-up", 13),
    ("timeout", 6),
    ("busy", 5),
    ("queue", 9),
    ("left queue", 5),
    ("blind", 4),
    ("attended", 3),
    ("hold", 4),
    ("voicemail", 2),
    ("outbound", 6),
    ("outbound busy", 1),
    ("internal", 2),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A call and the time at which it begins (epoch seconds, UTC)."""

    at: float
    scenario: Scenario


class Traffic:
    """The calls of one exchange, by chance from a seed. ``pace`` 2 means twice as many live calls."""

    def __init__(self, exchange: str, seed: int = SEED, pace: float = 1.0, world: Firm | None = None) -> None:
        self.world = world or firm()
        self.office: Office = next(office for office in OFFICES if office.exchange == exchange)
        self.pace = pace
        self._chance = random.Random(f"{seed} {exchange}")
        self._phones = [each.extension for each in self.world.phones(self.office.branch.code)]
        self._reps = [each for each in self.world.phones(self.office.branch.code) if each.role == "rep"]
        self._busy: dict[str, float] = {}
        self._turn = 0
        own = [customer for customer in self.world.customers if customer.branch == self.office.branch.code]
        lead = self.world.of_rep(self._reps[0].id)
        # A few dozen callers who call again and again, as on a real day; the first rep's among them are every second.
        self._regulars = lead[:24] + self._chance.sample(own, 60)
        self._leads = lead[:24]
        self._missed: list[Customer] = []

    @property
    def site(self) -> Site:
        """The exchange for the simulator."""
        names = {each.extension: each.name for each in self.world.phones(self.office.branch.code)}
        members = tuple(each.extension for each in self._reps[:3])
        return Site(
            id=self.office.exchange, extensions=names, main_number=self.office.direct("1000"), queues={QUEUE: members}
        )

    # -- the past part of the day

    def past(self, begin: float, end: float, calls: int = 48) -> list[Planned]:
        """What has happened between two times, in order. The last of them may still be going on at ``end``."""
        head = self.office.exchange == "hq"
        planned = [*(self._worked_example(begin) if head else []), *self._insistent(end)]
        first = begin + 1500 if head else begin
        room = max(end - 20 - first, 60.0)
        for number in range(calls):
            at = first + room * (number + self._chance.random()) / calls
            planned.append(Planned(at, self._call(at, talk=(20, 300))))
        return sorted(planned, key=lambda each: each.at)

    def _worked_example(self, begin: float) -> list[Planned]:
        """The six calls of the specification's worked example, in its order."""
        by_code = {customer.code: customer for customer in self.world.customers}
        order: Sequence[tuple[str, Outcome]] = (
            ("100101", "given-up"),
            ("100102", "answered"),
            ("100103", "answered"),
            ("100106", "timeout"),
            ("100101", "given-up"),
            ("", "given-up"),
        )
        planned = []
        for number, (code, outcome) in enumerate(order):
            caller = _number(by_code[code]) if code else self.world.unregistered["hq"][0]
            rep = by_code[code].rep if code else None
            extension = self._extension_of(rep) or self._reps[1].extension
            scenario = Scenario(
                "phone",
                caller,
                to=self.office.direct(extension),
                rings=(extension,),
                outcome=outcome,
                ring=6.0 if outcome != "timeout" else 20.0,
                talk=95.0,
            )
            planned.append(Planned(begin + 60 + 240 * number, scenario))
        return planned

    def _insistent(self, end: float) -> list[Planned]:
        """A customer who called three times and reached nobody."""
        customer = self._leads[4 % len(self._leads)]
        extension = self._reps[0].extension
        scenario = Scenario(
            "phone",
            _number(customer),
            to=self.office.direct(extension),
            rings=(extension,),
            outcome="given-up",
            ring=18.0,
        )
        return [Planned(end - before, scenario) for before in (2700.0, 1500.0, 400.0)]

    # -- live

    def live(self, begin: float) -> Iterator[Planned]:
        """Calls from ``begin`` on, one after the other, without end."""
        at = begin + 3.0 * self._chance.random()
        while True:
            yield Planned(at, self._call(at, talk=(8, 40)))
            head = self.office.exchange == "hq"
            gap = self._chance.uniform(5.0, LONGEST_GAP) if head else self._chance.uniform(15.0, 45.0)
            at += gap / self.pace

    def answers(self, extension: str, number: str) -> dict[str, Any]:
        """How both sides behave when a program has the exchange dial: mostly the customer answers."""
        lot = self._chance.random()
        outcome: Outcome = "answered" if lot < 0.75 else "busy" if lot < 0.87 else "timeout"
        return {
            "outcome": outcome,
            "ring": 4.0 + 4.0 * self._chance.random() if outcome == "answered" else 15.0,
            "talk": 15.0 + 25.0 * self._chance.random(),
            "lifts_after": 1.5 + self._chance.random(),
        }

    # -- one call

    def _call(self, at: float, talk: tuple[float, float]) -> Scenario:
        kinds, weights = zip(*_OUTCOMES, strict=True)
        what = self._chance.choices(kinds, weights)[0]
        self._turn += 1
        seconds = self._chance.uniform(*talk)
        side: Side = "caller" if self._chance.random() < 0.6 else "callee"
        others_turn = self._turn % 2 == 1
        if what.startswith("outbound") and others_turn:
            return self._outward(at, what, seconds, side)
        if what == "internal" and others_turn:
            return self._internal(at, seconds, side)
        customer, number = self._caller()
        extension = self._free(at, self._extension_of(customer.rep) if customer else None)
        made = Scenario(
            "phone",
            number,
            to=self.office.direct(extension),
            rings=(extension,),
            hangup=side,
            talk=seconds,
            ring=self._chance.uniform(3.0, 12.0),
        )
        made = self._shape(at, made, what)
        if customer is not None and made.outcome != "answered":
            self._missed = [*self._missed[-20:], customer]
        for rung in made.rings:
            self._busy[rung] = at + made.ring + (made.talk if made.outcome == "answered" else 0) + 3
        return made

    def _shape(self, at: float, made: Scenario, what: str) -> Scenario:
        """The same call with the outcome that was drawn."""
        if what in ("queue", "left queue"):
            outcome: Outcome = "answered" if what == "queue" else "given-up"
            members = tuple(each for each in self.site.queues[QUEUE] if self._busy.get(each, 0) <= at) or made.rings
            return replace(
                made,
                kind="queue",
                queue=QUEUE,
                to=self.office.direct("1000"),
                rings=members,
                by=self._chance.choice(members),
                outcome=outcome,
                ring=made.ring + 6,
                menu=self._chance.choice((0.0, 5.0)),
            )
        if what in ("blind", "attended"):
            to = self._free(at, None, besides=made.rings)
            kind: Any = what
            self._busy[to] = at + made.ring + made.talk + 25
            return replace(made, talk=made.talk + 20, transfer=Transfer(kind, to, after=6.0, ring=4.0, consult=5.0))
        if what == "hold":
            return replace(made, talk=made.talk + 15, hold=(5.0, self._chance.uniform(4.0, 12.0)))
        if what == "timeout":
            return replace(made, outcome="timeout", ring=20.0)
        if what == "voicemail":
            return replace(made, outcome="voicemail", ring=12.0, talk=self._chance.uniform(6.0, 20.0))
        if what == "busy":
            return replace(made, outcome="busy")
        if what == "given-up":
            return replace(made, outcome="given-up", ring=self._chance.uniform(5.0, 18.0))
        return made

    def _outward(self, at: float, what: str, seconds: float, side: Side) -> Scenario:
        """A colleague calls back somebody whom nobody had answered, else any customer of theirs."""
        others = self._reps[1:] or self._reps
        mine = {each.id for each in others}
        waiting = [customer for customer in self._missed if customer.rep in mine]
        customer = (
            waiting[-1] if waiting else self._chance.choice([each for each in self._regulars if each.rep in mine])
        )
        if waiting:
            self._missed.remove(customer)
        extension = self._extension_of(customer.rep) or others[0].extension
        self._busy[extension] = at + seconds + 15
        return Scenario(
            "outbound",
            extension,
            to=_number(customer),
            outcome="busy" if what.endswith("busy") else "answered",
            ring=self._chance.uniform(3.0, 9.0),
            talk=seconds,
            hangup=side,
        )

    def _internal(self, at: float, seconds: float, side: Side) -> Scenario:
        caller = self._free(at, None, besides=(self._reps[0].extension,))
        callee = self._free(at, None, besides=(caller,))
        self._busy[caller] = self._busy[callee] = at + seconds + 8
        return Scenario("internal", caller, to=callee, ring=3.0, talk=min(seconds, 60.0), hangup=side)

    def _caller(self) -> tuple[Customer | None, str]:
        """Who calls: every second time a customer of the branch's first rep; now and then somebody from elsewhere."""
        lot = self._chance.random()
        if self._turn % 2 == 0:
            customer = self._chance.choice(self._leads)
        elif lot < 0.05:
            return None, WITHHELD
        elif lot < 0.17:
            return None, self._chance.choice(self.world.unregistered[self.office.exchange])
        elif lot < 0.25:
            customer = self._chance.choice(self.world.customers)
        else:
            customer = self._chance.choice(self._regulars)
        return customer, _number(customer, self._chance.random())

    def _extension_of(self, rep: str | None) -> str | None:
        return next((each.extension for each in self._reps if each.id == rep), None)

    def _free(self, at: float, wanted: str | None, besides: Sequence[str] = ()) -> str:
        """The wanted extension if it is free, else another that is; the one that is free soonest if none is."""
        open_ones = [each for each in self._phones if each not in besides and self._busy.get(each, 0.0) <= at]
        if wanted in open_ones and wanted is not None:
            return wanted
        if open_ones:
            return self._chance.choice(open_ones)
        return min((each for each in self._phones if each not in besides), key=lambda each: self._busy.get(each, 0.0))


def _number(customer: Customer, lot: float = 0.0) -> str:
    """One of a customer's numbers, as the carrier tells it."""
    return customer.numbers[int(lot * len(customer.numbers))].shown
