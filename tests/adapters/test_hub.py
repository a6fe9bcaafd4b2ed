"""The live hub: everybody is told what concerns them, only they, and only what they may know (spec C4, C5)."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.live.audience import BUFFERED_WHEN_PAUSED, Stream
from cti_adapters.live.events import view_of
from cti_adapters.live.hub import Hub
from cti_server.shared.notices import (
    CallChanged,
    Candidate,
    ExchangeChanged,
    PlayAnswered,
    PopUpTested,
    SeatChanged,
    SessionEnded,
    WorkChanged,
)
from cti_server.shared.scope import Label, Scope, Span

ALL_CLASSES = frozenset({1, 2, 3})
NUMBER = "+81355550142"


@dataclass(frozen=True)
class Viewer:
    scope: Scope


class Clock:
    def now(self) -> float:
        return 1_800_000_000.0


def show(number: str, masked: bool) -> str:
    return f"…{number[-4:]}" if masked else number


def make_hub(**options: Any) -> Hub:
    return Hub(Clock(), show=show, **options)


def scope(user: str, branch: str = "121", span: Span = Span.OWN, **rest: Any) -> Scope:
    return Scope(user, branch, span, rest.pop("classes", ALL_CLASSES), **({"may_handle": True} | rest))


class Screen:
    """A browser's end: parses what it is sent the way an EventSource does."""

    def __init__(self, hub: Hub, of: Scope, session: str = "s", last: str | None = None) -> None:
        self.raw = b""
        self.closed: list[bool] = []
        self.stream: Stream = hub.attach(Viewer(of), session, self._write, self.closed.append, last)

    def _write(self, data: bytes) -> None:
        self.raw += data

    @property
    def events(self) -> list[tuple[str, Any]]:
        return [(name, json.loads(data)) for name, data, _ in self._parsed() if name not in ("", "ready", "beat")]

    @property
    def last_id(self) -> str:
        return [token for _, _, token in self._parsed() if token][-1]

    def _parsed(self) -> list[tuple[str, str, str]]:
        blocks = []
        for block in self.raw.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            blocks.append((fields.get("event", ""), fields.get("data", ""), fields.get("id", "")))
        return blocks

    def told(self, name: str) -> list[Any]:
        return [data for event, data in self.events if event == name]

    def forget(self) -> None:
        self.raw = b""


def customer(rep: str | None = "801", branch: str = "121", confidentiality: int = 2, code: str = "100101") -> Candidate:
    return Candidate(Label("customer", branch, rep, confidentiality), {"code": code, "name": f"name of {code}"})


def call(
    *candidates: Candidate, state: str = "ringing", call_id: str = "hq-1.1", direction: str = "in", **rest: Any
) -> CallChanged:
    facts = {"state": state, "direction": direction, "started_at": 5.5, "ringing": ["2001"], "branch": "121"}
    facts |= rest.pop("facts", {})
    return CallChanged(call_id, facts, candidates, rest.pop("number", NUMBER), rest.pop("name", "CALLER"), **rest)


def test_the_rep_in_charge_sees_the_call_with_its_card_and_the_whole_number() -> None:
    hub = make_hub()
    rep, other = Screen(hub, scope("801")), Screen(hub, scope("802"))
    hub.publish(call(customer()))
    (told,) = rep.told("call")
    assert told == {
        "id": "hq-1.1",
        "state": "ringing",
        "direction": "in",
        "started_at": 5.5,
        "ringing_at": None,
        "answered_at": None,
        "ended_at": None,
        "disposition": None,
        "ringing": ["2001"],
        "talking": None,
        "queue": None,
        "branch": "121",
        "exchange": None,
        "cards": [{"code": "100101", "name": "name of 100101"}],
        "number": NUMBER,
        "number_masked": False,
        "name": "CALLER",
        "mine": "rep",
    }
    assert other.told("call") == []


def test_a_manager_sees_the_number_masked_until_their_own_telephone_rings() -> None:
    hub = make_hub()
    manager = Screen(hub, scope("700", span=Span.BRANCH))
    hub.publish(call(customer()))
    hub.publish(call(customer(), ringing=("700",)))
    first, second = manager.told("call")
    assert (first["number"], first["number_masked"], first["mine"]) == ("…0142", True, "branch")
    assert (second["number"], second["number_masked"], second["mine"]) == (NUMBER, False, "ringing")


def test_a_view_only_user_never_gets_the_whole_number() -> None:
    hub = make_hub()
    reviewer = Screen(hub, scope("900", span=Span.ALL, may_handle=False))
    hub.publish(call(customer("900"), ringing=("900",), receiver="900"))
    assert NUMBER.encode() not in reviewer.raw
    assert reviewer.told("call")[0]["number_masked"] is True


def test_of_several_candidates_each_sees_only_their_own_and_not_that_there_are_others() -> None:
    hub = make_hub()
    one, two = Screen(hub, scope("801")), Screen(hub, scope("802"))
    manager = Screen(hub, scope("700", span=Span.BRANCH))
    alone = Screen(make_hub(), scope("801"))
    hub.publish(call(customer("801", code="100101"), customer("802", code="100102")))
    assert [card["code"] for card in one.told("call")[0]["cards"]] == ["100101"]
    assert [card["code"] for card in two.told("call")[0]["cards"]] == ["100102"]
    assert [card["code"] for card in manager.told("call")[0]["cards"]] == ["100101", "100102"]
    other = make_hub()
    alone = Screen(other, scope("801"))
    other.publish(call(customer("801", code="100101")))
    assert alone.told("call") == one.told("call")


def test_a_class_beyond_the_limit_does_not_exist_and_does_not_turn_into_an_unregistered_caller() -> None:
    hub = make_hub()
    limited = Screen(hub, scope("700", span=Span.ALL, classes=frozenset({2, 3}), unregistered=True))
    hub.publish(call(customer(confidentiality=1)))
    hub.publish(call(customer(confidentiality=1), state="ended"))
    hub.publish(WorkChanged((Label("customer", "121", "801", 1),), ("hq-1.1",), (7,)))
    assert [name for name, _ in limited.events] == ["hello"]


def test_an_unregistered_caller_is_told_only_to_those_with_the_authority() -> None:
    hub = make_hub()
    has, lacks = Screen(hub, scope("801", unregistered=True)), Screen(hub, scope("802", span=Span.ALL))
    far = Screen(hub, scope("803", branch="131", unregistered=True))
    hub.publish(call(Candidate(Label("unregistered", "121"))))
    assert (has.told("call")[0]["number"], has.told("call")[0]["cards"]) == (NUMBER, [])
    assert lacks.told("call") == far.told("call") == []


def test_whoever_takes_a_call_from_a_customer_they_may_not_see_learns_that_and_nothing_of_who_it_was() -> None:
    hub = make_hub()
    taker = Screen(hub, scope("850", branch="131"))
    secret = customer(code="100106")
    hub.publish(call(secret, ringing=("850",)))
    assert [name for name, _ in taker.events] == ["hello"]
    hub.publish(call(secret, state="talking", receiver="850", facts={"talking": "3001", "answered_at": 9.0}))
    hub.publish(call(secret, state="ended", facts={"ended_at": 12.0, "answered_at": 9.0, "disposition": "answered"}))
    assert [name for name, _ in taker.events] == ["hello", "taken", "taken"]
    assert taker.told("taken") == [
        {"id": "hq-1.1", "state": "talking", "extension": "3001", "answered_at": 9.0, "ended_at": None},
        {"id": "hq-1.1", "state": "ended", "extension": "3001", "answered_at": 9.0, "ended_at": 12.0},
    ]
    for identity in (b"100106", b"0142", b"CALLER", b"801"):
        assert identity not in taker.raw


def test_a_call_passed_on_is_over_for_whom_it_left() -> None:
    hub = make_hub()
    taker = Screen(hub, scope("850", branch="131"))
    hub.publish(call(customer(), state="talking", receiver="850", facts={"talking": "3001"}))
    hub.publish(call(customer(), state="talking", receiver="801", facts={"talking": "2001"}))
    hub.publish(call(customer(), state="held", receiver="801", facts={"talking": "2001"}))
    states = [(told["state"], told["extension"]) for told in taker.told("taken")]
    assert states == [("talking", "3001"), ("ended", "3001")]


def test_a_screen_is_told_that_a_call_is_gone_when_its_caller_turns_out_to_be_somebody_elses() -> None:
    hub = make_hub()
    clerk, rep = Screen(hub, scope("805", unregistered=True)), Screen(hub, scope("801"))
    hub.publish(call(Candidate(Label("unregistered", "121"))))
    hub.publish(call(customer("801")))
    hub.publish(call(customer("801"), state="talking"))
    assert [name for name, _ in clerk.events] == ["hello", "call", "gone"]
    assert clerk.told("gone") == [{"id": "hq-1.1"}]
    assert [name for name, _ in rep.events] == ["hello", "call", "call"]


def test_facts_that_are_not_on_the_list_never_reach_a_screen() -> None:
    hub = make_hub()
    manager = Screen(hub, scope("700", span=Span.BRANCH))
    hub.publish(call(customer(), facts={"caller_number": NUMBER, "linkedids": ["x"]}))
    assert NUMBER.encode() not in manager.raw
    assert b"linkedids" not in manager.raw


def test_work_goes_to_those_concerned_and_names_ids_only_to_who_may_see_them_all() -> None:
    hub = make_hub()
    rep, manager, handed = (
        Screen(hub, scope("801")),
        Screen(hub, scope("700", span=Span.BRANCH)),
        Screen(hub, scope("9")),
    )
    stranger = Screen(hub, scope("803", branch="131"))
    both = (Label("customer", "121", "801", 2), Label("customer", "121", "802", 2))
    hub.publish(WorkChanged(both, ("hq-1.1",), (7,), users=("9",)))
    assert rep.told("work") == [{}]
    assert manager.told("work") == [{"calls": ["hq-1.1"], "items": [7]}]
    assert handed.told("work") == [{}]
    assert stranger.told("work") == []


def test_hello_brings_the_live_calls_one_may_see_and_the_state_of_the_exchanges() -> None:
    hub = make_hub()
    hub.publish(ExchangeChanged("hq", "121", "connected"))
    hub.publish(call(customer("801"), call_id="hq-1"))
    hub.publish(call(customer("802"), call_id="hq-2"))
    hub.publish(call(customer("801"), call_id="hq-3"))
    hub.publish(call(customer("801"), call_id="hq-3", state="ended"))
    rep = Screen(hub, scope("801"))
    assert rep.told("hello")[0]["exchanges"] == {"hq": "connected"}
    assert [told["id"] for told in rep.told("call")] == ["hq-1"]


def test_a_screen_that_comes_back_gets_what_it_missed_and_no_resync() -> None:
    hub = make_hub()
    rep = Screen(hub, scope("801"))
    hub.publish(call(customer("801"), call_id="hq-1"))
    last = rep.last_id
    hub.detach(rep.stream)
    hub.publish(call(customer("801"), call_id="hq-1", state="talking"))
    hub.publish(call(customer("802"), call_id="hq-2"))
    hub.publish(call(customer("801"), call_id="hq-1", state="ended"))
    hub.publish(WorkChanged((Label("customer", "121", "801", 2),), ("hq-1",), (1,)))
    again = Screen(hub, scope("801"), last=last)
    assert [name for name, _ in again.events] == ["hello", "call", "work"]
    assert again.told("hello")[0]["fresh"] is False
    assert [(told["id"], told["state"]) for told in again.told("call")] == [("hq-1", "ended")]
    third = Screen(hub, scope("801"), last=again.last_id)
    assert [name for name, _ in third.events] == ["hello"]


def test_what_was_missed_is_judged_by_the_scope_as_it_is_now() -> None:
    hub = make_hub()
    rep = Screen(hub, scope("801", span=Span.BRANCH))
    hub.beat()
    last = Screen(hub, scope("801", span=Span.BRANCH)).last_id
    hub.publish(call(customer("802"), call_id="hq-2"))
    assert [told["id"] for told in rep.told("call")] == ["hq-2"]
    assert Screen(hub, scope("801"), last=last).told("call") == []


@pytest.mark.parametrize("last", ["nonsense", "0123-000000000000", ""])
def test_a_place_that_is_not_known_gets_a_resync_with_all_live_calls(last: str) -> None:
    hub = make_hub()
    hub.publish(call(customer("801"), call_id="hq-1"))
    rep = Screen(hub, scope("801"), last=last)
    assert [name for name, _ in rep.events] == (["hello", "resync", "call"] if last else ["hello", "call"])


def test_a_place_too_long_ago_gets_a_resync() -> None:
    hub = make_hub(ring=4)
    rep = Screen(hub, scope("801"))
    hub.publish(call(customer("801"), call_id="hq-1"))
    last = rep.last_id
    for _ in range(5):
        hub.publish(ExchangeChanged("hq", "121", "lost"))
    assert "resync" in [name for name, _ in Screen(hub, scope("801"), last=last).events]


def test_event_ids_do_not_count_what_one_may_not_see() -> None:
    """The id after a hidden call must not be told from the id after none: no counter, no order, no reuse."""
    hub = make_hub()
    rep = Screen(hub, scope("801"))
    ids = []
    for _ in range(3):
        hub.publish(call(customer("802")))
        hub.publish(call(customer("801")))
        ids.append(rep.last_id)
    tails = [int(token.split("-")[1], 16) for token in ids]
    assert len(set(tails)) == 3
    assert len({later - earlier for earlier, later in itertools.pairwise(tails)}) == 2


def test_heartbeats_reach_every_stream_once_a_round_and_carry_a_place_to_resume_from() -> None:
    hub = make_hub()
    screens = [Screen(hub, scope(f"u{number}")) for number in range(150)]
    for screen in screens:
        screen.forget()
    for _ in range(hub.beats):
        hub.beat()
    assert [screen.raw.count(b"id: ") for screen in screens] == [1] * 150
    assert Screen(hub, scope("u1"), last=screens[1].last_id).told("hello")[0]["fresh"] is False


def test_a_screen_that_does_not_read_is_cut_off_at_the_cap_and_counted() -> None:
    hub = make_hub(cap=256 * 1024)
    slow, quick = Screen(hub, scope("801")), Screen(hub, scope("801"))
    slow.stream.pause()
    big = call(customer("801", code="x" * 10_000))
    for _ in range(40):
        hub.publish(big)
        slow.stream.pause()
    assert slow.closed == [True]
    assert len(slow.raw) + BUFFERED_WHEN_PAUSED <= 256 * 1024
    assert len(quick.told("call")) == 40
    assert hub.stats()["cut_slow"] == 1
    assert hub.stats()["streams"] == 1


def test_a_screen_that_reads_again_in_time_loses_nothing() -> None:
    hub = make_hub(cap=128 * 1024)
    slow = Screen(hub, scope("801"))
    for _ in range(10):
        slow.stream.pause()
        for _ in range(5):
            hub.publish(call(customer("801", code="x" * 5_000)))
        slow.stream.resume()
    assert len(slow.told("call")) == 50
    assert slow.closed == []


def test_the_end_of_a_session_says_bye_to_its_screens_only() -> None:
    hub = make_hub()
    ended, other = Screen(hub, scope("801"), "one"), Screen(hub, scope("801"), "two")
    hub.publish(SessionEnded("one"))
    assert ended.told("bye") == [{"reason": "ended"}]
    assert (ended.closed, other.closed) == ([False], [])
    hub.publish(call(customer("801")))
    assert (len(ended.told("call")), len(other.told("call"))) == (0, 1)


def test_one_user_holds_only_so_many_streams_and_the_oldest_gives_way() -> None:
    hub = make_hub(streams_per_user=3)
    screens = [Screen(hub, scope("801")) for _ in range(5)]
    assert [screen.told("bye") for screen in screens] == [[{"reason": "limit"}]] * 2 + [[]] * 3
    assert hub.stats()["streams"] == 3
    assert hub.stats()["closed_over_limit"] == 2


def test_a_call_that_rings_is_handed_to_whoever_takes_its_telephone() -> None:
    hub = make_hub()
    first, second, other = (Screen(hub, scope(user, span=Span.BRANCH)) for user in ("801", "802", "803"))
    facts = {"exchange": "hq", "ringing": ["2001", "2002"]}
    hub.publish(call(customer("800"), facts=facts, ringing=("801",), telephones=(("2001", "801"),)))
    hub.publish(SeatChanged("yokohama", "2001", "803", ("803",), "taken", "name 803"))
    hub.publish(SeatChanged("hq", "2001", "802", ("801", "802"), "taken", "name 802"))
    assert [one["mine"] for one in first.told("call")] == ["ringing", "branch"]
    assert [(one["mine"], one["number_masked"]) for one in second.told("call")] == [
        ("branch", True),
        ("ringing", False),
    ]
    assert {one["mine"] for one in other.told("call")} == {"branch"}
    assert first.told("seat") == [
        {"exchange": "hq", "extension": "2001", "why": "taken", "by": "name 802", "mine": False}
    ]
    assert [one["mine"] for one in second.told("seat")] == [True]
    assert [one["exchange"] for one in other.told("seat")] == ["yokohama"]
    assert [one["mine"] for one in Screen(hub, scope("802", span=Span.BRANCH)).told("call")] == ["ringing"]


def test_a_tried_pop_up_reaches_the_users_own_screens_and_nobody_elses() -> None:
    hub = make_hub()
    mine, also_mine = Screen(hub, scope("801")), Screen(hub, scope("801"), "another session")
    other = Screen(hub, scope("802", span=Span.ALL))
    hub.publish(PopUpTested("801", 7, 5.0))
    told = {"number": 7, "asked_at": 5.0, "sent_at": 1_800_000_000.0, "screens": 2}
    assert mine.told("test") == also_mine.told("test") == [told]
    assert not other.told("test")
    late = Screen(hub, scope("801"), last=mine.last_id)
    assert not late.told("test") and hub.stats()["live_calls"] == 0


def test_what_an_exchange_answered_reaches_who_asked_it_to_play_and_nobody_else() -> None:
    hub = make_hub()
    mine, other = Screen(hub, scope("985")), Screen(hub, scope("802", span=Span.ALL))
    hub.publish(PlayAnswered("985", "lab", "this exchange has 3 telephones; scenarios are for 4"))
    hub.publish(PlayAnswered("985", "lab"))
    hub.publish(PlayAnswered("985", "lab", silent=True))
    told = [(one["exchange"], one["refused"], one["silent"]) for one in mine.told("play")]
    refused = "this exchange has 3 telephones; scenarios are for 4"
    assert told == [("lab", refused, False), ("lab", "", False), ("lab", "", True)]
    assert not other.told("play")


def test_live_calls_are_bounded() -> None:
    hub = make_hub(live_calls=3)
    for number in range(5):
        hub.publish(call(customer("801"), call_id=f"hq-{number}"))
    assert [told["id"] for told in Screen(hub, scope("801")).told("call")] == ["hq-2", "hq-3", "hq-4"]
    assert hub.stats()["calls_dropped"] == 2


def test_detaching_everybody_leaves_nothing_behind() -> None:
    hub = make_hub()
    screens = [Screen(hub, scope(f"u{n}", branch=f"b{n % 3}", span=list(Span)[n % 3])) for n in range(30)]
    for screen in screens:
        hub.detach(screen.stream)
        hub.detach(screen.stream)
    audience = hub._audience
    assert not (audience.streams or audience._users or audience._groups or audience._near or audience._wide)
    assert not any(hub._slots)


users = st.sampled_from(["801", "802", "803"])
branches = st.sampled_from(["121", "131"])
scopes = st.builds(
    Scope,
    user=users,
    branch=branches,
    span=st.sampled_from(Span),
    classes=st.sampled_from([ALL_CLASSES, frozenset({2, 3}), frozenset({3})]),
    unregistered=st.booleans(),
    may_handle=st.booleans(),
    stands_in=st.frozensets(st.tuples(users, st.integers(1, 3)), max_size=2),
)
labels = st.one_of(
    st.builds(Label, st.just("customer"), branches, st.none() | users, st.integers(1, 3)),
    st.builds(Label, st.just("unregistered"), branches),
    st.builds(Label, st.just("internal"), branches, st.none() | users),
)
calls = st.builds(
    lambda found, ringing, receiver: call(
        *(Candidate(label, {"code": str(n)}) for n, label in enumerate(found)), ringing=ringing, receiver=receiver
    ),
    st.lists(labels, max_size=3),
    st.lists(users, max_size=2, unique=True).map(tuple),
    st.none() | users,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(scopes, min_size=1, max_size=8), calls)
def test_the_index_tells_exactly_those_whom_the_rule_admits(viewers: list[Scope], notice: CallChanged) -> None:
    hub = make_hub(streams_per_user=100)
    screens = [(of, Screen(hub, of)) for of in viewers]
    hub.publish(notice)
    for of, screen in screens:
        view = view_of(of, notice)
        admitted = [n for n, candidate in enumerate(notice.candidates) if of.admits(candidate.label)]
        assert (view is not None) == bool(admitted)
        told = screen.told("call")
        assert len(told) == bool(admitted)
        if view is not None:
            assert [card["code"] for card in told[0]["cards"]] == [str(n) for n in admitted]
            assert told[0]["mine"] == view.mine
            assert told[0]["number_masked"] is not view.whole
        assert len(screen.told("taken")) == (not admitted and notice.receiver == of.user)
        late = Screen(hub, replace(of))
        assert late.told("call") == told


@settings(max_examples=300, deadline=None)
@given(st.lists(scopes, min_size=1, max_size=8), st.lists(labels, max_size=3), st.lists(users, max_size=1))
def test_work_is_told_exactly_to_those_whom_the_rule_admits(
    viewers: list[Scope], found: list[Label], besides: list[str]
) -> None:
    hub = make_hub(streams_per_user=100)
    screens = [(of, Screen(hub, of)) for of in viewers]
    hub.publish(WorkChanged(tuple(found), ("c",), (1,), tuple(besides)))
    for of, screen in screens:
        admitted = [of.admits(label) for label in found]
        assert len(screen.told("work")) == (any(admitted) or of.user in besides)
        if screen.told("work"):
            assert ("calls" in screen.told("work")[0]) == (any(admitted) and all(admitted))
