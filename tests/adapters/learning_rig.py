"""A service of one phase, which one member does much better than the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from cti_server.phases.availability import Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.desk import PhaseDesk
from cti_server.phases.model import InputItem, NewDeal, Service
from cti_server.phases.velocity import DAY
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import TODAY, Firm, admin, signed
from tests.adapters.storage_rig import customer

GOOD, OTHER = "801", "802"
EACH = 12
By = Callable[[str], PhaseDesk]
FAR = 4
"""So many of the other's customers are of another branch."""


class Learning(Firm):
    """What 801 does: fills the budget in, and completes by mail. 802 calls, and leaves the budget out."""

    def learns(self, **more: object) -> Service:
        """The service with its past."""
        with self.at(admin()) as desk:
            terms = Service(0, "Cloud", Terms("JPY", months=Decimal(24), by_success_days=False), rule=Rule.SUM, **more)  # type: ignore[arg-type]
            service = desk.add_service(terms, ["Nurturing"])
        with self.at(admin()) as desk:
            phase = desk.set_up_service(service).phases[0].id
            desk.save_item(service, InputItem(0, phase, "Plans", required=True))
            desk.save_item(service, InputItem(0, phase, "Budget"))
            for user in (GOOD, OTHER):
                desk.save_member(user, None, [phase], Staffing(100))
        found = self.known(service)
        self.more(found)
        return found

    def more(self, service: Service, first: int = 0) -> None:
        """As many deals again, of new customers."""
        numbers = range(first, first + EACH)
        self.put(*(customer(f"3{number:05}", rep=GOOD) for number in numbers))
        self.put(*(customer(f"4{number:05}", rep=OTHER, branch="122" if number < FAR else "121") for number in numbers))
        with self.told() as by:
            for number in range(first, first + EACH):
                self.passes(by, service, f"3{number:05}", GOOD, budget=True)
                self.passes(by, service, f"4{number:05}", OTHER, budget=False)

    @contextmanager
    def told(self) -> Iterator[By]:
        """Everybody's acts in one transaction."""
        with self.database.open(EVERYTHING, write=True) as work:
            yield lambda user: PhaseDesk(work, viewer(user), self.clock)

    def passes(self, by: By, service: Service, code: str, who: str, budget: bool, days: float = 2) -> int:
        """A deal from its beginning to its contract."""
        plans, extra = (item.id for item in service.phases[0].items)
        desk = by(who)
        deal = desk.open_deal(NewDeal(service.id, code, "Cloud", "small", "web", TODAY)).id
        self.clock.at += days * DAY
        desk.log(deal, "mail" if budget else "call", "")
        desk.save(deal, {plans: "yes", extra: "30000" if budget else ""})
        desk.hand_on(deal, desk.deal(deal).deal.version, None, signed(100_000 if budget else 1_000))
        return deal
