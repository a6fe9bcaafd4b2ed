"""Whatever is done with deals, the sums that choices are made of are those of the table of paths."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.storage import upgrading
from cti_adapters.storage.mapping_phases import DealRow, TallyRow
from cti_adapters.storage.phase_sums import _cells, counted_row
from cti_server.phases.choosing import Rule
from cti_server.shared.errors import YobirinError
from cti_server.shared.scope import EVERYTHING, Span
from cti_server.shared.viewer import RIGHTS, Viewer
from tests.adapters.desk_rig import with_scope
from tests.adapters.phase_rig import TODAY, Firm, signed
from tests.adapters.storage_rig import customer

ACTS = ("move", "move", "move", "back", "lose", "cancel", "reopen", "pass", "price", "rebranch")


def boss() -> Viewer:
    return with_scope("999", "122", Span.ALL, {1, 2, 3}, set(RIGHTS))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_the_sums_are_those_of_the_paths(tmp_path_factory, seed: int) -> None:  # type: ignore[no-untyped-def]
    folder: Path = tmp_path_factory.mktemp("sums")
    firm, chance = Firm(folder), random.Random(seed)
    firm.put(customer("100103", branch="122"), customer("100104", confidentiality=1))
    service = firm.sets_up(chance.choice(list(Rule)))
    codes = ["100101", "100102", "100103", "100104"]
    deals = [firm.opens(service, code, boss(), source=chance.choice(("web", "fair"))) for code in codes]
    for _act in range(25):
        act, place = chance.choice(ACTS), chance.randrange(len(codes))
        try:
            _does(firm, act, deals[place], codes[place], chance)
        except YobirinError:
            continue  # refused, as it should be; nothing half done
    assert _kept(firm) == _counted(firm)


def _does(firm: Firm, act: str, deal: int, code: str, chance: random.Random) -> None:
    with firm.at(boss()) as desk:
        view = desk.deal(deal)
        if act == "move":
            desk.save(deal, {item.id: "1" for item in view.completion.missing})
            desk.hand_on(deal, desk.deal(deal).deal.version, None, signed(chance.randrange(1, 10**6)))
        elif act == "back":
            desk.back(deal, "again")
        elif act == "lose":
            desk.lose(deal, "no")
        elif act == "cancel":
            desk.cancel(deal, TODAY + timedelta(days=chance.randrange(-5, 900)), "left")
        elif act == "reopen":
            desk.reopen(deal)
        elif act == "pass":
            desk.pass_on(deal, view.deal.version, chance.choice(("801", "802", "803")))
        elif act == "price":
            desk.change_contract(deal, TODAY, TODAY, signed(chance.randrange(1, 10**6)).price, None)
    if act == "rebranch":
        with firm.desk(boss()) as office:
            seen = office.customer(code)
            fields = {"name": seen.who.name, "branch": chance.choice(("121", "122")), "rep": seen.who.rep or ""}
            office.change_customer(code, fields, seen.version)


def _kept(firm: Firm) -> dict[tuple[object, ...], tuple[int, ...]]:
    with firm.database.open(EVERYTHING) as work:
        rows = work.session.query(TallyRow).all()
        found = {
            (row.phase_id, row.kind, row.name, row.earlier, row.member, row.branch, row.tier): (
                row.came, row.decided, row.handed_on, row.settled, row.total, row.timed, row.took,
            )
            for row in rows
        }  # fmt: skip
    return {cell: amounts for cell, amounts in found.items() if any(amounts)}


def _counted(firm: Firm) -> dict[tuple[object, ...], tuple[int, ...]]:
    """The same, straight from the deals."""
    found: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * 7)
    with firm.database.open(EVERYTHING) as work:
        for row in work.session.query(DealRow):
            for cell, amounts in _cells(counted_row(row, row.steps)):
                found[tuple(cell)] = [a + b for a, b in zip(found[tuple(cell)], amounts, strict=True)]
    return {cell: tuple(amounts) for cell, amounts in found.items() if any(amounts)}


def test_an_older_database_learns_how_long_phases_took(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    service = firm.sets_up()
    for code in ("100101", "100102"):
        deal = firm.opens(service, code)
        firm.clock.at += 5 * 86400
        firm.moves(deal, picked="802")
    with firm.database.engine.begin() as connection:
        for table, column in (("phases", "target_days"), ("phase_tallies", "timed"), ("phase_tallies", "took")):
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0019'")
    with firm.database.engine.execution_options(write=True).connect() as connection:
        config = upgrading.configuration()
        config.attributes["connection"] = connection
        upgrading.command.upgrade(config, "0020")
        connection.commit()
    assert _kept(firm) == _counted(firm)
    assert sum(amounts[-1] for amounts in _kept(firm).values()) == 2 * 2 * 5 * 86400, "all, and by first contact"
