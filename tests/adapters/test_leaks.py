"""Nothing leaks: every use case of the desk, for every span, class limit and authority (spec C4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import NotAllowed, NotFound, YobirinError
from cti_server.shared.phone import Plan, show
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer
from tests.adapters.leak_world import FAR, World, everybody
from tests.adapters.storage_rig import NOW

TABS = ("open", "waiting", "team", "done")
FIELDS = {"code": "990000", "name": "New", "rep": "801"}
# Acts on a call, an item and a customer: what comes of a hidden one has to be what comes of one that is not there.
ON_CALLS: dict[str, Callable[[Desk, str], object]] = {
    "call": lambda desk, one: desk.call(one),
    "trail": lambda desk, one: desk.trail(one),
    "bytes_sight": lambda desk, one: desk.bytes_sight(one),
    "reveal_bytes": lambda desk, one: desk.reveal_bytes(one, "a reason"),
    "take_evidence": lambda desk, one: desk.take_evidence([one], "p", "", {}),
    "evidence": lambda desk, one: desk.evidence(one).trail,
    "handle": lambda desk, one: desk.handle([one]),
    "reopen": lambda desk, one: desk.reopen([one]),
    "record": lambda desk, one: desk.record(None, [one], None, "contact", "phone", "", ""),
    "dial": lambda desk, one: desk.dial(one),
    "reveal": lambda desk, one: desk.reveal(one, "a reason"),
    "why": lambda desk, one: desk.why("hq", one),
    "receive": lambda desk, one: desk.receive(one, "801"),
    "register": lambda desk, one: desk.register(one, FIELDS),
    "attach": lambda desk, one: desk.attach(one, "710110"),
    "not_a_customer": lambda desk, one: desk.not_a_customer(one),
    "undo_not_a_customer": lambda desk, one: desk.undo_not_a_customer(one),
}
ON_ITEMS: dict[str, Callable[[Desk, int], object]] = {
    "item": lambda desk, one: desk.item(one),
    "record": lambda desk, one: desk.record(one, [], None, "contact", "phone", "", ""),
    "snooze": lambda desk, one: desk.snooze(one, NOW + 99_999, "x"),
    "unsnooze": lambda desk, one: desk.unsnooze(one),
    "hand_on": lambda desk, one: desk.hand_on(one, "802", ""),
    "undo_hand_on": lambda desk, one: desk.undo_hand_on(one),
    "assignees": lambda desk, one: desk.assignees(one),
    "pick": lambda desk, one: desk.pick(one, "710110"),
    "save_note": lambda desk, one: desk.save_note(one, "x"),
    "draft": lambda desk, one: desk.draft(one),
    "send_mail": lambda desk, one: desk.send_mail(one, "a@example.jp", "s", "b"),
    "dial": lambda desk, one: desk.dial(one),
}
ON_CUSTOMERS: dict[str, Callable[[Desk, str], object]] = {
    "customer": lambda desk, one: desk.customer(one),
    "change_customer": lambda desk, one: desk.change_customer(one, {"name": "x"}, 1),
    "record": lambda desk, one: desk.record(None, [], one, "contact", "phone", "", ""),
    "dial": lambda desk, one: desk.dial(one),
    "reveal": lambda desk, one: desk.reveal(one, "a reason"),
    "search": lambda desk, one: desk.search(one),
    "customers": lambda desk, one: desk.customers(one),
}
ON_EXCHANGES: dict[str, Callable[[Desk, str], object]] = {
    "exchange": lambda desk, one: desk.exchange(one),
    "unread": lambda desk, one: desk.unread(one),
    "unread_reasons": lambda desk, one: desk.unread_reasons(one),
    "raw_sight": lambda desk, one: desk.raw_sight(one),
    "reveal_raw": lambda desk, one: desk.reveal_raw(one, "why"),
    "why_number": lambda desk, one: desk.why_number(one, "+819012345678", NOW),
    "dry_run": lambda desk, one: desk.dry_run(one, "09012345678", Plan(), "2001"),
}
LISTS: dict[str, Callable[[Desk], object]] = {
    "worklist": lambda desk: [desk.worklist(tab) for tab in TABS],  # type: ignore[arg-type]
    "counts": lambda desk: desk.counts(None, None),
    "calls_for_evidence": lambda desk: desk.calls_for_evidence(CallQuery()),
    "calls": lambda desk: desk.calls(CallQuery(), None, 100),
    "report": lambda desk: list(desk.report(0, NOW * 2)),
    "live": lambda desk: desk.live(),
    "unregistered": lambda desk: desk.unregistered(),
    "customers": lambda desk: desk.customers("", None, 100),
    "board": lambda desk: desk.board("121"),
    "gaps": lambda desk: desk.gaps(),
    "exchanges": lambda desk: desk.exchanges(),
    "exchange": lambda desk: desk.exchange("hq"),
    "unread": lambda desk: desk.unread("hq"),
}
STAFF = {"reps", "assignees", "receivers"}
"""Lists of colleagues, not of what they did."""
HISTORIES = {"undo_history"}
GIVEN = {"evidence_made", "enough_for_evidence"}
"""Look nothing up: they take what another use case found, within the scope."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("leaks"))


everyone = pytest.mark.parametrize("who", everybody(), ids=lambda who: who.role)


def outcome(act: Callable[[], object]) -> str:
    """What an act shows: its result, or the kind and the words of its error."""
    try:
        return repr(act())
    except YobirinError as refused:
        return f"{type(refused).__name__}: {refused}"


def test_every_use_case_is_in_the_matrix() -> None:
    public = {name for name in dir(Desk) if not name.startswith("_") and callable(getattr(Desk, name))}
    assert (
        public
        == ON_CALLS.keys()
        | ON_ITEMS.keys()
        | ON_CUSTOMERS.keys()
        | LISTS.keys()
        | ON_EXCHANGES.keys()
        | STAFF
        | HISTORIES
        | GIVEN
    )


@everyone
def test_lists_show_what_the_rule_admits_and_nothing_else(world: World, who: Viewer) -> None:
    with world.desk(who) as desk:
        shown = {name: outcome(lambda act=act: act(desk)) for name, act in LISTS.items()}  # type: ignore[misc]
        found = {row.id for row in desk.calls(CallQuery(), None, 100).rows}
        codes = {one.code for one in desk.customers("", None, 100).rows}
    forbidden, masked = world.forbidden(who.scope), world.masked(who.scope)
    for name, text in shown.items():
        assert not [word for word in forbidden if word in text], name
        assert not [word for word in masked if word in text], name
    assert found == {call.log.id for call in world.seen(who.scope)}
    assert codes == {one.code for one in world.everyone if who.scope.admits(one.label)}


@everyone
def test_counts_count_what_the_rule_admits(world: World, who: Viewer) -> None:
    scope = who.scope
    with world.desk(who) as desk:
        counts = desk.counts(None, None)
        tabs = {tab: desk.worklist(tab, 0.0, NOW * 2).items for tab in TABS}  # type: ignore[arg-type]
        board = desk.board("121")
    seen = [call for call in world.seen(scope) if call.log.direction == "in"]
    opened = [call for call in seen if call.people != world.pair]  # that one is handled
    asleep = [call for call in opened if call.people == world.household]
    assert counts.open + counts.team + len(asleep) == len(opened)
    assert sum(row.calls for row in tabs["open"]) == counts.open
    assert sum(row.calls for row in tabs["team"]) == counts.team
    assert sum(row.calls for row in tabs["done"]) == len(seen) - len(opened)
    listed = {row.id for row in tabs["open"]} & {row.id for row in tabs["team"]}
    assert not listed
    in_branch = [call for call in opened if any(one.branch == "121" and scope.admits(one) for one in call.labels)]
    assert sum(count for _rep, count, _done in board.open_per_rep) == len(in_branch)
    assert board.missed_today + board.answered_today <= len([call for call in seen if call.log.branch == "121"])


@everyone
def test_single_things_show_no_hidden_candidate(world: World, who: Viewer) -> None:
    forbidden, masked = world.forbidden(who.scope), world.masked(who.scope)
    texts: dict[str, str] = {}
    with world.desk(who) as desk:
        items: set[int] = set()
        for call in world.seen(who.scope):
            view = desk.call(call.log.id)
            texts[f"call {call.log.id}"] = repr(view)
            items |= {view.row.item} if view.row.item is not None else set()
            texts[f"why {call.log.id}"] = outcome(lambda call=call: desk.why("hq", call.log.id))  # type: ignore[misc]
        for item in items:
            texts[f"item {item}"] = repr(desk.item(item))
            texts[f"draft {item}"] = outcome(lambda item=item: desk.draft(item))  # type: ignore[misc]
        for one in world.everyone:
            if who.scope.admits(one.label):
                texts[f"customer {one.code}"] = repr(desk.customer(one.code))
    for name, text in texts.items():
        assert not [word for word in forbidden if word in text], name
        assert not [word for word in masked if word in text], name


@everyone
def test_hidden_things_are_not_there(world: World, who: Viewer) -> None:
    """Whatever is done to something hidden ends as it does with something that does not exist, to the letter."""
    seen = world.seen(who.scope)
    hidden_calls = [call.log.id for call in world.calls if call not in seen]
    hidden_people = [one for one in world.everyone if not who.scope.admits(one.label)]
    hidden_items = _items(world, hidden_calls)
    with world.desk(who) as desk:
        for name, act in ON_CALLS.items():
            nothing = outcome(lambda act=act: act(desk, "hq-1.1"))  # type: ignore[misc]
            assert nothing.startswith((NotFound.__name__, NotAllowed.__name__)), name
            for call_id in hidden_calls if name == "call" else hidden_calls[::5]:
                assert outcome(lambda act=act, call_id=call_id: act(desk, call_id)) == nothing, name  # type: ignore[misc]
        for name, of_item in ON_ITEMS.items():
            nothing = outcome(lambda act=of_item: act(desk, 99_999))  # type: ignore[misc]
            assert nothing.startswith((NotFound.__name__, NotAllowed.__name__)), name
            for item in hidden_items if name == "item" else hidden_items[::5]:
                assert outcome(lambda act=of_item, item=item: act(desk, item)) == nothing, name  # type: ignore[misc]
        for name, act in ON_EXCHANGES.items() if who.scope.span is Span.BRANCH else ():
            nothing = outcome(lambda act=act: act(desk, "nonsense"))  # type: ignore[misc]
            assert nothing.startswith((NotFound.__name__, NotAllowed.__name__)), name
            assert outcome(lambda act=act: act(desk, FAR)) == nothing, name  # type: ignore[misc]
        for name, act in ON_CUSTOMERS.items():
            nothing = outcome(lambda act=act: act(desk, "nonsense"))  # type: ignore[misc]
            for one in hidden_people if name == "customer" else hidden_people[::5]:
                assert outcome(lambda act=act, one=one: act(desk, one.code)) == nothing, (name, one)  # type: ignore[misc]


@everyone
def test_searches_find_nobody_hidden(world: World, who: Viewer) -> None:
    admitted = {one.code for one in world.everyone if who.scope.admits(one.label)}
    with world.desk(who) as desk:
        for place, one in enumerate([*world.people[::2], *world.household, *world.pair]):
            digits = one.number[-8:]
            texts = (
                one.code,
                f"Name{one.code}",
                f"kana{one.code}",
                one.number,
                f"0{one.number[3:]}",
                digits[-4:],
                digits,
            )
            for text in texts if one.code not in admitted else texts[place % 6 : place % 6 + 1]:
                found = {found.code for found in desk.search(text)}
                assert found <= admitted
                assert one.code in found or one.code not in admitted, text
            assert {row.code for row in desk.customers(one.code).rows} <= admitted
            rows = desk.calls(CallQuery(digits=one.number)).rows
            assert {row.id for row in rows} <= {call.log.id for call in world.seen(who.scope)}
            assert {who_.code for row in rows for who_ in row.who} <= admitted


@everyone
def test_a_hidden_number_is_answered_like_one_that_nobody_has(world: World, who: Viewer) -> None:
    """Why there was no pop-up, and what would happen: to the letter what is said of a number that never called."""
    if not who.may("exchanges") or (who.scope.span is Span.BRANCH and who.branch != "121"):
        return
    known = {one.number for one in world.everyone if who.scope.admits(one.label)}
    hidden = sorted({one.number for one in world.everyone} - known)
    with world.desk(who) as desk:

        def answers(number: str) -> str:
            asked, dry = desk.why_number("hq", number, NOW), desk.dry_run("hq", number, Plan(), "2001")
            return f"{asked} {dry}".replace(number, "…").replace(show(number), "…")

        nothing = answers("+81344440000")
        assert "no-call" in nothing and "'nobody'" in nothing
        for number in hidden:
            assert answers(number) == nothing


@everyone
def test_a_hidden_customer_is_no_unregistered_caller(world: World, who: Viewer) -> None:
    if not who.may("unregistered"):
        with pytest.raises(NotAllowed), world.desk(who) as desk:
            desk.unregistered()
        return
    nobody = {call.log.id for call in world.seen(who.scope) if call.labels[0].kind == "unregistered"}
    with world.desk(who) as desk:
        assert {row.id for row in desk.unregistered(None, 100).rows} == nobody
        assert {row.id for row in desk.calls(CallQuery(unregistered=True)).rows} == nobody


@everyone
def test_colleagues_who_see_less_get_nothing(world: World, who: Viewer) -> None:
    """An item is handed only to somebody for whom what the viewer sees of it exists."""
    if not who.may("handle"):
        return
    with world.desk(who) as desk:
        for item in _items(world, [call.log.id for call in world.seen(who.scope)]):
            assert {user for user, _name in desk.assignees(item)} <= {"700", "802", "804", "999"}
            if not who.scope.admits(world.household[1].label):
                assert "804" not in {user for user, _name in desk.assignees(item)}


def _items(world: World, call_ids: list[str]) -> list[int]:
    """The items of calls, past the gate."""
    from cti_adapters.storage.mapping import Call
    from cti_server.shared.scope import EVERYTHING

    with world.office.database.open(EVERYTHING) as work:
        rows: Any = work.session.query(Call).where(Call.id.in_(call_ids), Call.item_id.is_not(None))
        return sorted({row.item_id for row in rows})


def test_the_matrix_would_notice(world: World, tmp_path: Path) -> None:
    """Words that may not be shown are found where they are shown: the check itself works."""
    chief, rep = everybody()[-4], everybody()[0]
    with world.desk(chief) as desk:
        text = repr(desk.calls(CallQuery(), None, 100))
    assert [word for word in world.forbidden(rep.scope) if word in text]
