"""A user who leaves: out at once, and what is theirs goes to a colleague, all of it and once (spec/50)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cti_adapters.storage import handover, mapping
from cti_adapters.storage.accounts import accounts
from cti_server.calls.views import CallQuery
from cti_server.identity.accounts import User, Viewer
from cti_server.identity.desk import Accounts
from cti_server.outbox_handlers import handlers
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.scope import EVERYTHING
from tests.adapters.phase_rig import Firm
from tests.adapters.storage_rig import NOW, CheapHasher, customer, inbound


class Leaving(Firm):
    """801 leaves: five customers, one of class 1; calls; an item that was handed to them; an open deal."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.room: Accounts = accounts(self.database, self.clock, hasher=CheapHasher())
        junior = replace(self.room.one_role(self.chief, "rep").role, name="junior", classes=frozenset({2, 3}))
        self.room.put_role(junior)
        self.room.add_user(User("813", "u813", "後任 三郎", "121", "junior"), "correct horse")
        self.room.set_password("801", "correct horse")
        self.put(
            customer("100201", "+81355550201", confidentiality=1),
            customer("100202", "+81355550202"),
            customer("100203", "+81355550203"),
            customer("100301", "+81355550301", rep="802"),
        )
        self.rings(*(inbound(n, f"035555020{n}", at=NOW - 600 + n) for n in (1, 2, 3)))
        self.rings(inbound(4, "0355550301", at=NOW - 300))
        with self.database.open(EVERYTHING) as work:
            newest = work.session.scalars(select(mapping.Item).order_by(mapping.Item.latest_at.desc())).first()
            assert newest is not None
            newest.assignee = "801"
        self.deal = self.opens(self.sets_up())

    @property
    def chief(self) -> Viewer:
        return self.room.viewer("990")

    def follows(self) -> int:
        """The daemon moves the customers; gives in how many lots."""
        none: Any = None
        handle = handlers(none, none, self.database, self.clock, none, none, none)[handover.HANDOVER_ROW]
        for done in range(100):
            with self.database.open(EVERYTHING, write=True) as work:
                rows = work.session.query(mapping.Outbox).filter_by(kind=handover.HANDOVER_ROW, done_at=None)
                row = rows.first()
                if row is None:
                    return done
                row.done_at = self.clock.now()
                handle(work, row)  # type: ignore[arg-type]
        raise AssertionError("it does not end")

    def calls(self, user: str) -> int:
        with self.desk(self.room.viewer(user)) as desk:
            return len(desk.calls(CallQuery(), None, 50).rows)

    def reps(self) -> dict[str, str | None]:
        with self.database.open(EVERYTHING) as work:
            return {row.code: row.rep for row in work.session.query(mapping.Customer)}


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Leaving]:
    made = Leaving(tmp_path)
    yield made
    made.database.close()


def test_everything_goes_over_and_they_are_out_at_once(firm: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "LOT", 2)
    token = firm.room.sign_in("801", "correct horse", "192.0.2.1")
    has = firm.room.farewell(firm.chief, "801").has
    assert (has.customers, has.items, has.deals) == ({1: 1, 3: 4}, 1, 1)
    with pytest.raises(Invalid, match="does not see the class of some"):
        firm.room.leave(firm.chief, "801", "813")
    assert firm.room.viewer_of(token) is not None  # nothing happened
    firm.room.leave(firm.chief, "801", "813", without=True)
    assert firm.room.viewer_of(token) is None
    with pytest.raises(Invalid, match="Login or password"):
        firm.room.sign_in("801", "correct horse", "192.0.2.1")
    assert firm.follows() == 3
    assert firm.reps() | {} == {
        **dict.fromkeys(("100101", "100102", "100202", "100203"), "813"),
        "100201": None,
        "100301": "802",
    }
    assert firm.calls("813") == 2  # not the class 1 customer's
    assert firm.room.farewell(firm.chief, "801").has.nothing
    assert firm.trail("user-left")[-1].detail["without_rep"] == 1
    assert len([one for one in firm.trail("changed") if one.detail.get("left") == "801"]) == 5


def test_what_was_handed_to_them_and_their_deals_go_over_too(firm: Leaving) -> None:
    firm.room.leave(firm.chief, "801", "802")
    firm.follows()
    with firm.database.open(EVERYTHING) as work:
        assert [row.assignee for row in work.session.query(mapping.Item) if row.assignee] == ["802"]
        deal = work.deals.get(firm.deal)
    assert deal is not None and deal.member is None and deal.steps[-1].member is None  # 802 works another phase
    handed = firm.trail("handed")[-1]
    assert (handed.detail["users"], handed.detail["before"], handed.user) == (["802"], "801", "990")
    assert firm.trail("deal passed on")


def test_nothing_is_given_to_who_does_not_see_it(firm: Leaving) -> None:
    with firm.database.open(EVERYTHING) as work:
        secret = work.session.scalars(select(mapping.Sight).where(mapping.Sight.customer_code == "100201")).one()
        item = work.session.get_one(mapping.Item, secret.item_id)
        item.assignee = "801"
    told = len(firm.outbox("work"))
    firm.room.leave(firm.chief, "801", "813", without=True)
    with firm.database.open(EVERYTHING) as work:
        found = {row.id: row.assignee for row in work.session.query(mapping.Item)}
    assert found[secret.item_id] is None
    assert "813" in str(firm.outbox("work")[told:])  # their screen is told


def test_customers_are_nobodys_where_the_colleague_is_out_too_by_then(firm: Leaving) -> None:
    firm.room.leave(firm.chief, "801", "802")
    firm.room.set_active("802", False)
    firm.follows()
    assert set(firm.reps().values()) == {None, "802"} and firm.reps()["100301"] == "802"


def test_interrupted_it_goes_on_and_said_twice_it_changes_nothing_more(firm: Leaving) -> None:
    firm.room.leave(firm.chief, "801", "802")
    firm.room.leave(firm.chief, "801", "802")  # before the customers followed
    firm.follows()
    before = len(firm.trail("changed"))
    firm.room.leave(firm.chief, "801", "802")
    firm.follows()
    assert len(firm.trail("changed")) == before and "801" not in firm.reps().values()


def test_who_may_and_to_whom(firm: Leaving) -> None:
    with pytest.raises(Invalid, match="can't let yourself leave"):
        firm.room.leave(firm.chief, "990", "802")
    for wrong in ("801", "nobody", "990"):
        with pytest.raises(Invalid, match="who handles calls"):
            firm.room.leave(firm.chief, "801", wrong)
    near = replace(firm.room.viewer("700"), rights=firm.room.viewer("700").rights | {"users"})
    with pytest.raises(NotFound):
        firm.room.farewell(near, "803")
    with pytest.raises(Invalid, match="who handles calls"):
        firm.room.leave(near, "801", "803")  # of another branch
    assert "801" in firm.reps().values()
