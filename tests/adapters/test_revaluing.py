"""A service predicts otherwise: every contract's value follows, lot by lot, with its history (spec P3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.storage import mapping
from cti_adapters.storage.mapping_phases import DealRow, TallyRow, ValueRow
from cti_adapters.storage.phase_deals import REVALUE_ROW
from cti_server.outbox_handlers import handlers
from cti_server.phases import desk_revaluing
from cti_server.phases.cltv import Terms
from cti_server.phases.model import Service
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import Firm, admin, signed
from tests.adapters.storage_rig import customer


class Sold(Firm):
    """Five contracts, one of them cancelled."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.service = self.sets_up()
        self.put(*(customer(f"2001{n:02}", f"+8131234{n:04}") for n in range(5)))
        for n in range(5):
            deal = self.opens(self.service, f"2001{n:02}")
            self.moves(deal, picked="802")
            self.moves(deal, viewer("802", extensions=()), picked="801", signed=signed(100_000 + n))
        with self.at() as desk:
            desk.cancel(1, date(2027, 7, 10), "left")

    def says(self, terms: Terms) -> None:
        with self.at(admin()) as desk:
            now: Service = desk.set_up_service(self.service.id)
            desk.save_service(replace(now, terms=terms))

    def follows(self) -> int:
        """The daemon handles the rows, each in a transaction; gives how many there were."""
        none: Any = None
        handle = handlers(none, none, self.database, self.clock, none, none, none)[REVALUE_ROW]
        done = 0
        while True:
            with self.database.open(EVERYTHING, write=True) as work:
                row = work.session.query(mapping.Outbox).filter_by(kind=REVALUE_ROW, done_at=None).first()
                if row is None:
                    return done
                row.done_at = self.clock.now()
                handle(work, row)  # type: ignore[arg-type]
            done += 1

    def worths(self) -> list[int | None]:
        with self.database.open(EVERYTHING) as work:
            return [row.worth for row in work.session.query(DealRow).order_by(DealRow.id)]

    def sum_of(self, member: str) -> int:
        with self.database.open(EVERYTHING) as work:
            rows = work.session.query(TallyRow).filter(TallyRow.kind == "all", TallyRow.member == member)
            return max((row.total for row in rows), default=0)


@pytest.fixture
def sold(tmp_path: Path) -> Iterator[Sold]:
    made = Sold(tmp_path)
    yield made
    made.database.close()


def test_values_sums_and_history_follow_in_lots(sold: Sold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_revaluing, "LOT", 2)
    before = sold.worths()
    assert before == [600_000, *((100_000 + n) * 24 for n in range(1, 5))]
    sold.says(Terms("JPY", months=Decimal(12), by_success_days=False))
    assert sold.worths() == before  # nothing waits for it
    assert sold.follows() == 3
    now = [600_000, *((100_000 + n) * 12 for n in range(1, 5))]
    assert sold.worths() == now  # what was cancelled keeps its real months
    assert sold.sum_of("802") == sum(now)
    with sold.database.open(EVERYTHING) as work:
        changes = work.session.query(ValueRow).filter_by(why="terms changed").all()
    assert len(changes) == 4 and {one.by for one in changes} == {"990"}


def test_done_again_it_changes_nothing_and_a_change_of_the_name_asks_for_nothing(sold: Sold) -> None:
    sold.says(Terms("JPY", months=Decimal(12), by_success_days=False))
    sold.follows()
    with sold.at(admin()) as desk:
        desk.work.deals.ask_revaluing(sold.service.id, "990", sold.clock.now())
    sold.follows()
    with sold.at(admin()) as desk:
        desk.save_service(replace(desk.set_up_service(sold.service.id), name="Other"))
    assert sold.follows() == 0
    with sold.database.open(EVERYTHING) as work:
        assert work.session.query(ValueRow).filter_by(why="terms changed").count() == 4


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(months=st.integers(1, 60), factor=st.decimals("0.1", "3", places=1))
def test_whatever_the_terms_it_is_what_they_say(sold: Sold, months: int, factor: Decimal) -> None:
    sold.says(Terms("JPY", months=Decimal(months), factor=factor, by_success_days=False))
    sold.follows()
    prices = [100_000 + n for n in range(1, 5)]
    found = sold.worths()[1:]
    for price, worth in zip(prices, found, strict=True):
        assert worth is not None and abs(worth - price * months * factor) <= Decimal("0.5")


def test_a_contract_of_which_the_terms_say_nothing_holds_up_none_of_the_others(sold: Sold) -> None:
    with sold.database.open(EVERYTHING, write=True) as work:
        for row in work.session.query(DealRow).filter(DealRow.id != 3):
            row.first_contact = (date.fromisoformat(row.start) - timedelta(days=10)).isoformat()
    before = sold.worths()
    sold.says(Terms("JPY", months=Decimal(12), success_days=Decimal(25)))
    sold.follows()
    now = [(100_000 + n) * 12 * 25 // 10 for n in range(5)]
    assert sold.worths() == [600_000, now[1], before[2], *now[3:]]
    assert sold.sum_of("802") == sum(one or 0 for one in sold.worths())


def test_terms_beyond_all_measure_leave_the_values_as_they_were(sold: Sold) -> None:
    before = sold.worths()
    sold.says(Terms("JPY", months=Decimal(10) ** 12, factor=Decimal(10) ** 6, by_success_days=False))
    assert sold.follows() == 1
    assert sold.worths() == before
