"""A small firm that sells a service in three phases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cti_adapters.storage import mapping
from cti_server.phases.availability import Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.desk import PhaseDesk
from cti_server.phases.desk_moving import Signed
from cti_server.phases.model import InputItem, NewDeal, Plan, Service
from cti_server.phases.money import money
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import customer

NUMBER, OTHER = "+81312340000", "+81312349999"
TODAY = date(2027, 1, 10)
ADMIN = ("990", "administrator")


class Firm(Office):
    """With the reps 801, 802 and 803 as members: 801 nurtures, 802 and 803 close, 801 looks after customers."""

    service: Service

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put(
            mapping.Exchange(id="hq", name="HQ", kind="ami", branch="121"),
            mapping.User(id="990", login="990", name="name 990", branch="122", role="administrator"),
            customer("100101", NUMBER),
            customer("100102", OTHER),
        )

    @contextmanager
    def at(self, who: Viewer | None = None) -> Iterator[PhaseDesk]:
        """The phases room's desk in a unit of work of its own."""
        seen = who or viewer()
        with self.database.open(seen.scope) as work:
            yield PhaseDesk(work, seen, self.clock)

    def sets_up(self, rule: Rule = Rule.SUM, **more: Any) -> Service:
        """An administrator sets the service up."""
        terms = Terms("JPY", months=Decimal(24), by_success_days=False)
        with self.at(admin()) as desk:
            service = desk.add_service(
                Service(0, "Cloud", terms, rule=rule, **more), ["Nurturing", "Closing", "Success"]
            )
        with self.at(admin()) as desk:
            nurturing, closing, success = (one.id for one in desk.set_up_service(service).phases)
            desk.save_item(service, InputItem(0, nurturing, "Plans", required=True))
            desk.save_item(service, InputItem(0, nurturing, "Budget", kind="number"))
            desk.add_plan(service, "Standard", money(100_000, "JPY"))
            desk.save_member("801", None, [nurturing, success], Staffing(20))
            desk.save_member("802", None, [closing], Staffing(20))
            desk.save_member("803", None, [closing], Staffing(20))
        return self.known(service)

    def known(self, service_id: int) -> Service:
        with self.at(admin()) as desk:
            return desk.set_up_service(service_id)

    def opens(self, service: Service, code: str = "100101", who: Viewer | None = None, **more: Any) -> int:
        new = NewDeal(service.id, code, more.get("title", "Cloud"), "small", more.get("source", "web"), TODAY)
        with self.at(who) as desk:
            return desk.open_deal(new).id

    def moves(
        self, deal: int, who: Viewer | None = None, picked: str | None = None, signed: Signed | None = None
    ) -> None:
        """Its member fills in what is required, and hands the deal on."""
        with self.at(who) as desk:
            view = desk.deal(deal)
            desk.save(deal, {item.id: "yes" for item in view.completion.missing})
        with self.at(who) as desk:
            desk.hand_on(deal, desk.deal(deal).deal.version, picked, signed)


def admin() -> Viewer:
    return viewer("990", role="administrator", branch="122", extensions=())


def signed(price: int | None = 100_000, plan: Plan | None = None) -> Signed:
    return Signed(TODAY, None if price is None else money(price, "JPY"), plan.id if plan else None)
