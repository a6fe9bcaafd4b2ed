"""The demonstration's deals: a service that is sold in three phases, the reps who work them, and half a year of it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.work import Database
from cti_server.commands.demo_morning import MomentClock
from cti_server.commands.demo_usage import tell_use
from cti_server.phases.availability import Staffing
from cti_server.phases.cltv import Terms
from cti_server.phases.desk import PhaseDesk
from cti_server.phases.desk_asking import Answering
from cti_server.phases.desk_moving import Signed
from cti_server.phases.model import Deal, InputItem, NewDeal, Service
from cti_server.phases.money import money
from cti_server.shared.clock import SystemClock
from cti_server.shared.people import Customer
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Viewer
from cti_simulators.people import SEED, Firm

DEALS: Final = 96
RECENT: Final = 6
"""Deals of the first rep, begun lately."""
TRIED_DAYS: Final = 90
"""So many days ago a trial of the item that takes longest began."""
SPARED: Final = 100
"""The first customers stay with their reps: the day's traffic is about them."""
_DAY: Final = 86400.0
_ZONE: Final = ZoneInfo("Asia/Tokyo")
_SOURCES: Final = ("セミナー", "ご紹介", "ウェブ", "お電話")
_WORKS: Final = {
    "801": (0, 2),
    "802": (0, 1),
    "803": (0,),
    "804": (0,),
    "805": (1,),
    "806": (1, 2),
    "807": (1,),
    "808": (2,),
}
"""Rep -> the phases that they work, by place."""
_GOOD: Final = {"803": 0.85, "806": 0.75, "801": 0.85}
"""How often deals get through with them; with others in four of ten cases."""
_ITEMS: Final[tuple[tuple[tuple[str, str, bool, tuple[str, ...]], ...], ...]] = (
    (
        ("今後の資産運用のご予定", "text", True, ()),
        ("現在のお取引状況", "choice", True, ("当社のみ", "他社とも取引", "お取引なし")),
        ("ご検討の時期", "date", True, ()),
        ("ご関心のある商品", "text", False, ()),
    ),
    (("ご予算（月額）", "number", True, ()), ("ご決裁者", "text", True, ()), ("ご懸念の点", "text", False, ())),
    (("初期設定のご案内", "choice", True, ("済", "未")), ("次回のご面談日", "date", False, ())),
)
_HABIT: Final = {"803": (0.95, "call"), "806": (0.95, "visit"), "801": (0.9, "call")}
"""How often the good ones fill in what is optional, and with which action they complete a phase; see ``_OTHERS``."""
_OTHERS: Final = (0.15, "call")
_FILLED: Final = {"text": "ご家族と相談のうえ、前向きに検討中", "number": "30000", "date": "2027-04-01"}
_LOST: Final = ("他社に決定", "ご予算が合わず", "時期尚早とのこと")


def seed(database: Database, firm: Firm) -> None:
    """Sets the service up and tells its half year, in one transaction."""
    directory = accounts(database, SystemClock())
    people = {user: directory.viewer(user) for user in (*_WORKS, "990")}
    clock = MomentClock()
    clock.at = SystemClock().now() - 210 * _DAY
    with database.open(EVERYTHING, write=True) as work:
        year = _HalfYear(work, people, clock)
        year.sets_up()
        chance = random.Random(f"{SEED} deals")
        candidates = [one for one in firm.customers[SPARED:] if one.rep in _WORKS and 0 in _WORKS[one.rep]]
        chosen = [(one, chance.uniform(5, 180)) for one in chance.sample(candidates, DEALS)]
        of_first = [one for one in candidates if one.rep == "801" and one not in [each for each, _ago in chosen]]
        chosen += [(one, chance.uniform(1, 12)) for one in chance.sample(of_first, RECENT)]
        for customer, ago in sorted(chosen, key=lambda each: -each[1]):
            if ago < TRIED_DAYS and not year.tries:
                year.begins_a_trial(SystemClock().now() - TRIED_DAYS * _DAY)
            year.tells(customer, SystemClock().now() - ago * _DAY, chance)
        clock.at = SystemClock().now()
        year.by("990").look_now(year.service.id)
        year.asks()
        using = [customer.code for customer, _ago in chosen if chance.random() < 0.8]
        tell_use(year.by("990"), year.service.id, using, clock.at, chance)


class _HalfYear:
    """Everybody's acts, each with its time."""

    def __init__(self, work: Any, people: dict[str, Viewer], clock: MomentClock) -> None:
        self.work, self.people, self.clock = work, people, clock
        self.service = Service(0, "", Terms("JPY"))
        self.tries = False

    def by(self, user: str) -> PhaseDesk:
        return PhaseDesk(self.work, self.people[user], self.clock)

    def sets_up(self) -> None:
        desk = self.by("990")
        terms = Terms("JPY", months=Decimal(24), success_days=Decimal(25))
        made = desk.add_service(
            Service(0, "資産見守りサービス", terms, try_after=13), ["ナーチャリング", "クロージング", "サクセス"]
        )
        places = [phase.id for phase in desk.set_up_service(made).phases]
        for phase, items in zip(places, _ITEMS, strict=True):
            for label, kind, required, choices in items:
                desk.save_item(made, InputItem(0, phase, label, cast(Any, kind), required, "", choices))
        for one, days in zip(desk.set_up_service(made).phases, (14, 10, 30), strict=True):
            desk.save_phase(made, replace(one, target_days=days))
        for name, price in (("ライト", 8_000), ("スタンダード", 30_000), ("プレミアム", 100_000)):
            desk.add_plan(made, name, money(price, "JPY"))
        for user, works in _WORKS.items():
            desk.save_member(user, None, [places[place] for place in works], Staffing(15))
        self.service = desk.set_up_service(made)

    def begins_a_trial(self, at: float) -> None:
        """The administrator looks for what past deals speak for, and has the need for an item tried."""
        self.clock.at, self.tries = at, True
        desk = self.by("990")
        desk.look_now(self.service.id)
        for line in desk.proposals(self.service.id):
            if line.proposal.kind == "trial":
                desk.approve(line.proposal.id, line.proposal.version)

    def tells(self, customer: Customer, at: float, chance: random.Random) -> None:
        """One deal, as far as it came until now."""
        self.clock.at = at
        first = datetime.fromtimestamp(at, _ZONE).date() - timedelta(days=chance.randint(1, 9))
        title = chance.choice(("資産見守りのご提案", "老後資金のご相談", "相続対策のご相談", "資産運用の見直し"))
        source = chance.choice(_SOURCES)
        deal = self.by(cast(str, customer.rep)).open_deal(
            NewDeal(self.service.id, customer.code, title, cast(Any, chance.choice(("small", "large"))), source, first)
        )
        until = SystemClock().now()
        while deal.state == "open" and deal.member is not None:
            self.clock.at += chance.uniform(4, 22) * _DAY
            if self.clock.at > until:
                self._tries(deal, until - chance.uniform(0.1, 3) * _DAY, chance)
                return
            deal = self._goes_on(deal, chance)
        self.clock.at += chance.uniform(40, 150) * _DAY
        if deal.state == "won" and chance.random() < 0.4 and self.clock.at < until:
            end = datetime.fromtimestamp(self.clock.at, _ZONE).date()
            self.by(deal.member or "990").cancel(deal.id, end, "ご家庭のご事情")

    def asks(self) -> None:
        """Two people at a customer have a link each; one of them has answered."""
        desk = self.by("801")
        deal = desk.deal(desk.mine().rows[0].id)
        items = [one for one in deal.phase.items if one.concerns(deal.deal.size)]
        ids = [one.id for one in items]
        token = desk.ask_customer(deal.deal.id, "奥様", ids, "ja", 14, shows=False)
        desk.ask_customer(deal.deal.id, "税理士の高橋様", ids[:1], "ja", 14, shows=False)
        said = next(one for one in items if one.kind == "text")
        Answering(self.work, self.clock).answer(
            token, {said.id: "来月の満期分を見直したい。資料は夫婦で拝見します"}, finished=True
        )

    def _tries(self, deal: Deal, at: float, chance: random.Random) -> None:
        """Something was done for a deal that is still in its phase."""
        self.clock.at = max(at, deal.entered_at)
        desk = self.by(deal.member or "")
        items = [one for one in self.service.phase(deal.phase).items if chance.random() < 0.5]
        if items:
            desk.save(deal.id, {one.id: self._filled(one) for one in items})
        desk.log(deal.id, chance.choice(("call", "mail", "visit")), "ご不在。改めてご連絡する。")

    def _goes_on(self, deal: Deal, chance: random.Random) -> Deal:
        desk = self.by(deal.member or "")
        last = self.service.after(deal.phase) is None
        if not last and chance.random() > _GOOD.get(deal.member or "", 0.4):
            return desk.lose(deal.id, chance.choice(_LOST))
        thorough, kind = _HABIT.get(deal.member or "", _OTHERS)
        desk.log(deal.id, cast(Any, kind), "ご要望を伺った。")
        items = desk.deal(deal.id).phase.items
        desk.save(deal.id, {one.id: self._filled(one) for one in items if one.required or chance.random() < thorough})
        signed = None
        if self.service.phase(deal.phase).contract:
            plan = chance.choices(self.service.plans, (3, 5, 2))[0]
            signed = Signed(datetime.fromtimestamp(self.clock.at, _ZONE).date(), None, plan.id)
        return desk.hand_on(deal.id, desk.deal(deal.id).deal.version, None, signed)

    def _filled(self, item: InputItem) -> str:
        return item.choices[0] if item.kind == "choice" else _FILLED[item.kind]
