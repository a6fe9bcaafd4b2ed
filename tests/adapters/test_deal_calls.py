"""A call with a customer who has an open deal is an action of that deal, by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_server.phases.model import Action
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import NUMBER, OTHER, Firm, admin
from tests.adapters.storage_rig import NOW, customer, inbound, outbound


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def actions(firm: Firm, deal: int) -> list[Action]:
    with firm.at(admin()) as desk:
        return list(desk.deal(deal).actions)


def test_a_call_that_was_answered_is_an_action_with_start_end_and_who(firm: Firm) -> None:
    deal = firm.opens(firm.sets_up())
    log = inbound(1, NUMBER, at=NOW - 300, taker="2002")
    firm.rings(log)
    (done,) = actions(firm, deal)
    assert (done.kind, done.incoming, done.by, done.answered) == ("call", True, "802", True)
    assert (done.at, done.ended_at, done.call) == (log.started_at, log.ended_at, log.id)
    firm.rings(log)
    assert len(actions(firm, deal)) == 1, "what is told twice is kept once"


def test_a_call_that_was_made_too(firm: Firm) -> None:
    deal = firm.opens(firm.sets_up())
    firm.rings(outbound(1, NUMBER, at=NOW - 60))
    (done,) = actions(firm, deal)
    assert (done.incoming, done.by) == (False, "801")


def test_a_customer_who_called_in_vain_comes_first(firm: Firm) -> None:
    service = firm.sets_up()
    first, second = firm.opens(service), firm.opens(service, "100102")
    with firm.at() as desk:
        desk.put_off(second, NOW + 86400)
        assert [row.id for row in desk.mine().rows] == [first, second]
    firm.rings(inbound(1, OTHER, at=NOW - 900))
    with firm.at() as desk:
        assert [row.id for row in desk.mine().rows] == [second, first]
        told = desk.deal(second).suggestion
        assert (told.reason, told.action, told.missed_at) == ("call missed", "call", NOW - 900)
    firm.rings(outbound(2, OTHER, at=NOW - 60))
    with firm.at() as desk:
        assert desk.deal(second).suggestion.reason == "items"


def test_calls_of_others_and_of_closed_deals_are_none(firm: Firm) -> None:
    deal = firm.opens(firm.sets_up())
    firm.rings(inbound(1, OTHER, taker="2001"))
    with firm.at() as desk:
        desk.lose(deal, "no")
    firm.rings(inbound(2, NUMBER, taker="2001"))
    assert actions(firm, deal) == []


def test_of_two_deals_it_is_the_one_of_who_talked(firm: Firm) -> None:
    service = firm.sets_up()
    manager = viewer("700", role="branch manager", extensions=())
    older = firm.opens(service)
    newer = firm.opens(service, title="More", who=manager)
    firm.rings(inbound(1, NUMBER, taker="2001"))
    assert len(actions(firm, newer)) == 1, "both are 801's: the newer one"
    with firm.at(manager) as desk:
        desk.lose(newer, "no")
    firm.rings(inbound(2, NUMBER, taker="2001"))
    assert len(actions(firm, older)) == 1


def test_a_number_that_is_registered_later_brings_its_calls_along(firm: Firm) -> None:
    service = firm.sets_up()
    firm.put(customer("100103"))
    deal = firm.opens(service, "100103")
    firm.rings(inbound(1, "+81312345555", taker="2001"))
    assert actions(firm, deal) == []
    with firm.desk(admin()) as desk:
        seen = desk.customer("100103")
        desk.change_customer("100103", {"name": seen.who.name, "numbers": "03-1234-5555"}, seen.version)
    assert [one.answered for one in actions(firm, deal)] == [True]
