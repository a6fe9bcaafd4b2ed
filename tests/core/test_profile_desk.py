"""Saving profiles: names, versions and the way back, who may, and that nothing is overwritten (spec O3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.exchanges.profiles import Faulty, ProfileDesk
from cti_server.exchanges.saved import State
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer
from tests.core.test_exchange_desk import Clock, admin
from tests.web.fake_shelf import FakeProfiles, FakeShelf


def faults(text: str, name: str) -> list[str]:
    return [f"{name}, line 3: bad"] if "bad" in text else []


def desk(
    shelf: FakeProfiles, viewer: Viewer | None = None, exchanges: FakeShelf | None = None, clock: Clock | None = None
) -> ProfileDesk:
    return ProfileDesk(shelf, exchanges or FakeShelf(), viewer or admin(), clock or Clock(), {"avaya"}, faults)


def reading(exchanges: FakeShelf, exchange: str, profile: str) -> None:
    """Has an exchange be read by a profile."""
    old = exchanges.rows[exchange]
    exchanges.rows[exchange] = replace(old, now=State(saved={**(old.base or {}), "profile": profile}))


def test_each_saving_is_a_version_and_none_is_lost() -> None:
    shelf = FakeProfiles()
    first = desk(shelf).save("mine", "a", 0)
    second = desk(shelf).save("mine", "b", first.version)
    assert [(one.saved.version, one.saved.source, one.before) for one in desk(shelf).versions("mine")] == [
        (2, "b", "a"),
        (1, "a", ""),
    ]
    again = desk(shelf).go_back("mine", 1, second.version)
    assert (again.version, again.source) == (3, "a")
    assert desk(shelf).texts() == {"mine": "a"}
    assert len(shelf.rows) == 3


def test_saving_the_same_text_again_makes_no_version() -> None:
    shelf = FakeProfiles()
    first = desk(shelf).save("mine", "a", 0)
    assert desk(shelf).save("mine", "a", 1) == first


@pytest.mark.parametrize("name", ["", "Avaya", "a b", "../x", "-a", "a-", "x" * 41, "a.toml"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(Invalid, match="small letters"):
        desk(FakeProfiles()).save(name, "a", 0)


def test_one_that_ships_is_never_changed() -> None:
    shelf = FakeProfiles()
    with pytest.raises(Invalid, match="ships"):
        desk(shelf).save("avaya", "a", 0)
    assert not shelf.rows


def test_a_new_one_does_not_take_the_place_of_another() -> None:
    shelf = FakeProfiles()
    desk(shelf).save("mine", "a", 0)
    with pytest.raises(Invalid, match="already"):
        desk(shelf).save("mine", "b", 0)


def test_one_with_a_fault_is_refused_and_the_one_before_holds() -> None:
    shelf = FakeProfiles()
    desk(shelf).save("mine", "a", 0)
    with pytest.raises(Faulty) as refused:
        desk(shelf).save("mine", "bad", 1)
    assert refused.value.faults == ("mine, line 3: bad",)
    assert desk(shelf).texts() == {"mine": "a"}


def test_who_was_slower_is_told() -> None:
    shelf = FakeProfiles()
    desk(shelf).save("mine", "a", 0)
    desk(shelf).save("mine", "b", 1)
    with pytest.raises(Conflict):
        desk(shelf).save("mine", "c", 1)
    with pytest.raises(Conflict):
        desk(shelf).go_back("mine", 1, 1)
    with pytest.raises(NotFound):
        desk(shelf).go_back("mine", 7, 2)


def test_it_takes_the_right_and_the_span() -> None:
    shelf, exchanges = FakeProfiles(), FakeShelf()
    desk(shelf).save("mine", "a", 0)
    reading(exchanges, "hq", "mine")
    shelf.unread_of["hq"] = 4
    of_hq = admin(Span.BRANCH, "121")
    elsewhere = admin(Span.BRANCH, "122")
    assert [(one.exchange, one.unread) for one in desk(shelf, of_hq, exchanges).users("mine")] == [("hq", 4)]
    assert desk(shelf, elsewhere, exchanges).users("mine") == []
    with pytest.raises(NotAllowed, match="do not look after"):
        desk(shelf, elsewhere, exchanges).save("mine", "b", 1)
    assert desk(shelf, of_hq, exchanges).save("mine", "b", 1).version == 2
    for act in ("own", "texts"):
        with pytest.raises(NotAllowed):
            getattr(desk(shelf, admin(rights=frozenset())), act)()
    with pytest.raises(NotAllowed):
        desk(shelf, admin(rights=frozenset())).save("other", "a", 0)


def test_one_that_nothing_is_read_by_is_removed_and_can_be_brought_back() -> None:
    shelf, exchanges = FakeProfiles(), FakeShelf()
    desk(shelf).save("mine", "a", 0)
    reading(exchanges, "hq", "mine")
    with pytest.raises(Conflict, match="choose another one for them"):
        desk(shelf, admin(Span.BRANCH, "122"), exchanges).remove("mine", 1)
    gone = desk(shelf).remove("mine", 1)
    assert gone.removed and desk(shelf).texts() == {} and desk(shelf).own() == []
    with pytest.raises(Conflict):
        desk(shelf).save("mine", "b", 2)
    with pytest.raises(NotFound):
        desk(shelf).go_back("mine", 2, 2)
    assert desk(shelf).go_back("mine", 1, 2).version == 3
    assert desk(shelf).remove("mine", 3).version == 4
    assert desk(shelf).save("mine", "c", 0).version == 5, "the name is free, and what was under it is not lost"


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(["save", "back", "remove"]), st.sampled_from("abc"), st.integers(1, 6)), max_size=12
    )
)
def test_whatever_is_done_versions_only_grow_and_the_newest_holds(acts: list[tuple[str, str, int]]) -> None:
    shelf, kept = FakeProfiles(), list[tuple[int, str]]()
    for act, text, number in acts:
        use = desk(shelf)
        try:
            if act == "save":
                use.save("mine", text, 0 if kept and not kept[-1][1] else len(kept))
            elif act == "remove":
                use.remove("mine", len(kept))
            else:
                use.go_back("mine", number, len(kept))
        except NotFound:
            pass
        now = [(one.version, one.source) for one in reversed(shelf.versions("mine"))]
        assert now[: len(kept)] == kept and len(now) <= len(kept) + 1
        kept = now
        assert [one.version for one in shelf.versions("mine")] == list(range(len(kept), 0, -1))
