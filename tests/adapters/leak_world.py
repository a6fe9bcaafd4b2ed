"""A firm with customers of every branch, rep and class, and calls of each kind, in which everything that could be told
has a word of its own: what one user must not learn can be looked for in whatever they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from cti_adapters.storage import mapping, mapping_review
from cti_adapters.storage.compliance_rows import ExemptionRow
from cti_server.calls.desk import Desk
from cti_server.calls.desk_receiving import BY_HAND
from cti_server.calls.log import CallLog
from cti_server.phases.cltv import Terms
from cti_server.phases.desk import PhaseDesk
from cti_server.phases.desk_moving import Signed
from cti_server.phases.model import InputItem, NewDeal, Service
from cti_server.phases.money import money
from cti_server.phases.usage import Index, Reading, Source, UsageRule
from cti_server.phases.usage import Told as UseTold
from cti_server.shared.scope import EVERYTHING, Label, Scope, Span
from cti_server.shared.viewer import RIGHTS, Right, Viewer
from tests.adapters.desk_rig import Office, viewer, with_scope
from tests.adapters.storage_rig import NOW, customer, inbound, outbound

CLASSES = {"all": {1, 2, 3}, "2-3": {2, 3}, "3": {3}, "none": set[int]()}
ALONE = "804"
"""The rep of one hidden candidate only; whoever is shown that this rep did something learns of the candidate."""
FAR = "far"
"""The exchange of the other branch."""


@dataclass
class Person:
    """A customer of the world."""

    code: str
    label: Label
    number: str

    @property
    def words(self) -> list[str]:
        """What gives the customer away, whoever's call it is."""
        return [
            self.code,
            f"Name{self.code}",
            f"KANA{self.code}",
            f"Street{self.code}",
            f"m{self.code}@",
            f"said{self.code}",
        ]


@dataclass
class Told:
    """A call of the world, and whose it may be."""

    log: CallLog
    labels: list[Label]
    people: list[Person] = field(default_factory=list)

    @property
    def digits(self) -> str:
        """The last eight digits of the number; empty when withheld."""
        return (self.log.party_e164 or "")[-8:]


class World:
    """The office with all that is in it."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(folder)
        self.office.put(
            mapping.User(id=ALONE, login=ALONE, name="Alone804", branch="122", role="rep"),
            mapping.Role(name="chief", span="all", classes=[1, 2, 3], rights=list(RIGHTS)),
        )
        self.office.put(
            mapping.Exchange(id="hq", name="本店 PBX", branch="121"),
            mapping.Exchange(id=FAR, name="FarPBX", branch="122"),
            mapping.ExchangeSetting(exchange="hq", base=_entry("hq", "本店 PBX", "121")),
            mapping.ExchangeSetting(exchange=FAR, base=_entry(FAR, "FarPBX", "122")),
        )
        self.office.put(mapping.User(id="999", login="999", name="Chief", branch="122", role="chief"))
        labels = [
            Label("customer", branch, rep, one)
            for branch, rep, one in product(("121", "122"), ("801", "802"), (1, 2, 3))
        ]
        self.people = [
            Person(f"7{n:05}", label, f"+8135{n:03}{n:04}"[:12]) for n, label in enumerate(labels, start=110)
        ]
        self.shared = "+81377778888"
        own, hidden = Label("customer", "121", "801", 3), Label("customer", "122", ALONE, 1)
        self.household = [Person("760001", own, self.shared), Person("760002", hidden, self.shared)]
        self.picked = "+81366665555"
        self.pair = [Person("770001", own, self.picked), Person("770002", hidden, self.picked)]
        everyone = [*self.people, *self.household, *self.pair]
        self.office.put(*(_row(one) for one in everyone))
        self.everyone = everyone
        self.chief = replace(
            viewer("999", branch="122", extensions=(("hq", "2009"),)),
            scope=Scope("999", "122", Span.ALL, frozenset({1, 2, 3}), True, True),
            rights=frozenset(RIGHTS),
        )
        self._later = 10_000
        self.calls = self._calls()
        self.claims: dict[str, int] = {}
        """Customer -> a claim without a call."""
        self.deals: dict[str, int] = {}
        """Customer -> a deal with it."""
        self.exemptions: dict[str, int] = {}
        """Call -> an exemption that waits for a decision."""
        self.requests: dict[str, int] = {}
        """Customer -> a record of a call with it that is asked for."""
        self.erasures: dict[str, int] = {}
        """Customer -> an erasure that waits for a decision."""
        self.holds: dict[str, int] = {}
        """Customer -> a legal hold that ended."""
        self._acts()
        self._deals()
        self._exempt()
        self._asks_to_erase()

    def _asks_to_erase(self) -> None:
        """Everybody's records were held once; every other one is to be erased."""
        with self.office.database.open(EVERYTHING) as work:
            for place, one in enumerate(self.everyone):
                person = work.erasures.person(one.code)
                assert person is not None
                self.holds[one.code] = work.erasures.hold(person, f"said{one.code}", "999", self.office.clock.at)
                work.erasures.end_hold(self.holds[one.code], "999", self.office.clock.at, f"said{one.code}")
                if place % 2:
                    asked = work.erasures.ask(person, f"said{one.code}", "999", self.office.clock.at)
                    self.erasures[one.code] = asked

    def _deals(self) -> None:
        """Everybody has a deal, with something done for it and a contract; they wait for a member."""
        chief = with_scope("999", "122", Span.ALL, {1, 2, 3}, set(RIGHTS))
        with self.office.database.open(EVERYTHING) as work:
            desk = PhaseDesk(work, chief, self.office.clock)
            terms = Terms("JPY", months=Decimal(24), by_success_days=False)
            service = desk.add_service(Service(0, "Sold", terms), ["First", "Last"])
            first = desk.set_up_service(service).phases[0].id
            item = desk.save_item(service, InputItem(0, first, "Asked", required=True))
            for one in self.everyone:
                new = NewDeal(service, one.code, f"said{one.code}", "small", f"said{one.code}", date(2027, 1, 1))
                deal = desk.open_deal(new).id
                desk.log(deal, "mail", f"said{one.code}")
                desk.save(deal, {item: f"said{one.code}"})
                signed = Signed(date(2027, 1, 2), money(100_000, "JPY"))
                desk.hand_on(deal, desk.deal(deal).deal.version, None, signed)
                self.deals[one.code] = deal
            desk.save_source(Source(service, (Index("use", "Use"),), version=0))
            desk.add_usage_rule(UsageRule(0, service, "use", "value", "below", Decimal(50), 30, "explain", "it"))
            self.service = service
        for one in self.everyone:
            self._uses(one, 60, NOW - 90_000)

    def _uses(self, one: Person, much: int, at: float) -> None:
        """A customer's use of the service is told."""
        with self.office.database.open(EVERYTHING) as work:
            told = [UseTold(1, one.code, "use", Reading(at, Decimal(much)))]
            PhaseDesk(work, self.chief, self.office.clock).take_readings(self.service, told)

    def _calls(self) -> list[Told]:
        told = [Told(_from(100 + n, one.number, one.code), [one.label], [one]) for n, one in enumerate(self.people)]
        told += [
            Told(_from(201, self.shared, "shared"), [one.label for one in self.household], self.household),
            Told(_from(202, self.shared, "shared"), [one.label for one in self.household], self.household),
            Told(_from(203, self.picked, "pair"), [one.label for one in self.pair], self.pair),
            Told(_from(301, "+81399990001", "nobody"), [Label("unregistered", "121")]),
            Told(_from(302, "+81399990002", "nobody", branch="122"), [Label("unregistered", "122")]),
            Told(inbound(303, None, at=NOW - 303), [Label("unregistered", "121")]),
        ]
        dialled = outbound(
            401, self.people[0].number, at=NOW - 401, answered=False, answered_at=None, disposition="busy"
        )
        told.append(Told(replace(dialled, party_e164=self.people[0].number), [self.people[0].label], [self.people[0]]))
        between = outbound(402, "2002", at=NOW - 402, direction="internal", party_e164=None)
        told.append(Told(between, [Label("internal", "121", "801")]))
        self.office.rings(*(one.log for one in told))
        written = {user: [one, "call", None] for user, one in (("801", NOW), ("802", NOW), (ALONE, NOW), ("999", NOW))}
        self.office.put(
            *(
                mapping.Delivery(call_id=one.log.id, at=NOW, told=written, rang={"802": NOW}, away={ALONE: NOW})
                for one in told
            )
        )
        self.office.put(
            *(
                mapping.Correction(
                    call_id=one.log.id,
                    at=NOW,
                    by=ALONE,
                    why=BY_HAND,
                    what="changed",
                    fields={
                        "caller_number": [one.log.caller_number, None],
                        "party_e164": [None, one.log.party_e164],
                        "caller_name": [one.log.caller_name, None],
                        "receiver": [None, ALONE],
                    },
                )
                for one in told
            )
        )
        return told

    def _acts(self) -> None:
        """Chief deals with every customer; the rep who is alone deals with the shared calls."""
        chief, alone = self.chief, viewer(ALONE, branch="122")
        for one in self.people:
            with self.office.desk(chief) as desk:
                item = desk.customer(one.code).open_items[0].id
                history = desk.record(item, [], one.code, "contact", "phone", "spoke", f"said{one.code}").id
                desk.reopen([call.id for call in desk.item(item).calls if not call.open])
                desk.snooze(item, self.office.clock.at + 60, f"said{one.code}")
                desk.dial(item)
                desk.reveal(one.code)
            self.claims[one.code] = self._claim(one, history)
            self.requests[one.code] = self._request(one)
            self.office.clock.at += 61  # so that the item is awake again, and the call back is over
        item = self._item_of("760002")
        with self.office.desk(chief) as desk:
            desk.pick(item, "760002")
            desk.send_mail(item, "m760002@example.jp", "said760002", "said760002")
            desk.hand_on(item, ALONE, "said760002")
            desk.reopen([call.log.id for call in self.calls if call.people == self.household])
        with self.office.desk(alone) as desk:
            desk.handle([call.log.id for call in self.calls if call.people == self.pair])
            desk.record(item, [], "760002", "contact", "phone", "spoke", "said760002")
            desk.reopen([call.log.id for call in self.calls if call.people == self.household])
            desk.snooze(item, NOW + 999_999, "said760002")
        self.office.clock.at += 700

    def _exempt(self) -> None:
        """Of every call somebody said why it needs no record."""
        for call in self.calls:
            word = f"said{call.people[-1].code}" if call.people else "noted"
            row = ExemptionRow(call_id=call.log.id, reason=word, asked_by="999", asked_at=NOW)
            self.office.put(row)
            self.exemptions[call.log.id] = row.id

    def _claim(self, one: Person, history: int) -> int:
        label = one.label
        about = {"branch": label.branch, "rep": label.rep, "confidentiality": label.confidentiality}
        when = {"at": NOW, "since": NOW, "until": NOW, "by": "999", "settled_by": "999", "settled_at": NOW}
        when["reason"] = f"said{one.code}"
        tier = label.confidentiality
        claim = mapping.Claim(history_id=history, customer_code=one.code, tier=tier, **about, **when)
        self.office.put(claim)
        return int(claim.id)

    def _request(self, one: Person) -> int:
        """Asked of user 801, whoever may see the customer by now."""
        label, call = one.label, next(told.log.id for told in self.calls if one in told.people)
        about = {"branch": label.branch, "rep": label.rep, "confidentiality": label.confidentiality}
        what = {"call_id": call, "kind": "customer", "customer_code": one.code, "tier": label.confidentiality}
        when = {"at": NOW, "due_at": NOW, "escalate_at": NOW, "escalated_at": NOW}
        asked = mapping_review.RequestRow(to="801", by="999", note=f"said{one.code}", **what, **about, **when)
        self.office.put(asked)
        return int(asked.id)

    def _item_of(self, code: str) -> int:
        with self.office.desk(viewer(ALONE, branch="122")) as desk:
            return desk.customer(code).open_items[0].id

    # --- what goes on meanwhile

    def happens_to(self, one: Person) -> None:
        """A customer calls twice, is dealt with, and becomes another; no time goes by."""
        self._later += 2
        self.office.rings(_from(self._later, one.number, one.code), _from(self._later + 1, one.number, one.code))
        with self.office.desk(self.chief) as desk:
            customer = desk.customer(one.code)
            item = customer.open_items[0].id
            desk.reveal(one.code)
            desk.snooze(item, self.office.clock.at + 60, f"again{one.code}")
            desk.record(item, [], one.code, "contact", "phone", "spoke", f"again{one.code}")
            desk.change_customer(one.code, {"notes": f"again{self._later}"}, customer.version)
        self._uses(one, 40, self.office.clock.at)

    def strange_call(self, branch: str) -> None:
        """Somebody calls whom nobody knows."""
        self._later += 1
        self.office.rings(_from(self._later, f"+81388{self._later:06}", "stranger", branch=branch))

    # --- what one user may see

    def seen(self, scope: Scope) -> list[Told]:
        """The calls that exist for a scope, by the rule in Python."""
        return [call for call in self.calls if any(scope.admits(label) for label in call.labels)]

    def forbidden(self, scope: Scope) -> list[str]:
        """Every word that a user of this scope must not be shown."""
        words = [word for one in self.everyone if not scope.admits(one.label) for word in one.words]
        seen = self.seen(scope)
        numbers = {call.digits for call in seen} | {one.number[-8:] for one in self.everyone if scope.admits(one.label)}
        for call in self.calls:
            if call not in seen:
                words.append(call.log.id)
            if call.digits and call.digits not in numbers:
                words += _written(call.digits)
        if scope.span is Span.BRANCH:
            words += ["FarPBX", f"{FAR}.pbx.example"]
        if not any(scope.admits(label) for label in (self.household[1].label, self.pair[1].label)):
            words.append("Alone804")
        return words

    def masked(self, scope: Scope) -> list[str]:
        """The whole numbers of those whom the user may see without needing them."""
        words: list[str] = []
        for one in self.everyone:
            sharing = [other for other in self.everyone if other.number == one.number and scope.admits(other.label)]
            if sharing and not any(scope.needs_number(other.label) for other in sharing):
                words += _written(one.number[-8:])
        return words

    @contextmanager
    def desk(self, who: Viewer) -> Iterator[Desk]:
        """A desk whose work is not kept, so that the world stays as it is."""
        with self.office.database.open(who.scope) as work:
            yield Desk(work, who, self.office.clock)
            work.session.rollback()


def _entry(id: str, name: str, branch: str) -> dict[str, str]:
    return {"id": id, "name": name, "kind": "ami", "branch": branch, "host": f"{id}.pbx.example"}


def _row(one: Person) -> Any:
    row = customer(
        one.code, one.number, rep=one.label.rep, branch=one.label.branch, confidentiality=one.label.confidentiality or 3
    )
    row.name, row.kana, row.address = f"Name{one.code}", f"KANA{one.code}", f"Street{one.code}"
    row.mail, row.notes = f"m{one.code}@example.jp", f"said{one.code}"
    row.name_key, row.kana_key = mapping.search_key(row.name), mapping.search_key(row.kana)
    return row


def _from(number: int, caller: str, word: str, *, branch: str = "121") -> CallLog:
    log = inbound(number, f"0{caller[3:]}", at=NOW - 1000 + number, branch=branch, party_e164=caller)
    log.caller_name, log.presented_number = f"CNAM{word}", log.caller_number
    return log


def _written(digits: str) -> list[str]:
    """The last eight digits as they may stand somewhere."""
    return [digits, f"{digits[:4]}-{digits[4:]}"]


def everybody() -> list[Viewer]:
    """User 801 of branch 121 in every span, class limit and authority."""
    made = []
    for span, limit, handles, nobody in product(Span, CLASSES, (True, False), (True, False)):
        rights: set[Right] = {"customers", "export", "audit", "exchanges"}
        rights |= {"handle"} if handles else set()
        rights |= {"unregistered"} if nobody else set()
        scope = Scope("801", "121", span, frozenset(CLASSES[limit]), nobody, handles)
        name = f"{span}, {limit}, {'handles' if handles else 'looks'}, {'nobody too' if nobody else 'known'}"
        made.append(replace(viewer("801"), role=name, scope=scope, rights=frozenset(rights)))
    return made
