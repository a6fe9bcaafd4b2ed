"""Which calls need a record and by when: business hours, rules that contradict each other, versions, standings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.compliance.business_hours import OFFICE_HOURS, USUAL_WEEK, Calendar, Opening, day_number, day_of
from cti_server.compliance.rules import DEFAULT, KINDS, PARTS, Policy, Rule, checked
from cti_server.compliance.standing import Facts, Record, Seen, rows_of, shown
from cti_server.compliance.versions import FIRST, Version, as_json, from_json, in_force
from cti_server.shared.errors import Invalid
from cti_server.shared.scope import Label

TOKYO = ZoneInfo("Asia/Tokyo")
OWN = Label("customer", "121", "801", 3)


def at(text: str, zone: ZoneInfo = TOKYO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2026-11-25 10:00", "2026-11-26 10:00"),  # eight hours are one day of business
        ("2026-11-25 07:00", "2026-11-25 17:00"),  # before it opens
        ("2026-11-25 22:00", "2026-11-26 17:00"),  # after it closed
        ("2026-11-27 16:00", "2026-11-30 16:00"),  # over a weekend
        ("2026-11-20 16:00", "2026-11-24 16:00"),  # and over a holiday
    ],
)
def test_hours_in_which_a_branch_is_closed_do_not_count(since: str, due: str) -> None:
    branch = Calendar("Asia/Tokyo", USUAL_WEEK, {date(2026, 11, 23): "Labour Thanksgiving Day"})
    assert branch.due_at(at(since), 8) == at(due)


def test_clocks_that_are_put_back_make_no_hour_of_business() -> None:
    zone = ZoneInfo("Europe/Berlin")
    week = (OFFICE_HOURS,) * 7
    due = Calendar("Europe/Berlin", week).due_at(at("2026-10-24 16:00", zone), 2)
    assert due == at("2026-10-25 10:00", zone)


openings = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda two: Opening(min(two), max(two)))
weeks = st.lists(st.none() | openings.filter(lambda one: one.opens < one.closes), min_size=7, max_size=7).filter(any)


@given(
    weeks.map(tuple),
    st.floats(1.7e9, 1.8e9),
    st.floats(0.1, 100),
    st.sets(st.integers(20_000, 20_800).map(day_of), max_size=20),
)
def test_so_many_business_hours_lie_before_the_deadline(
    week: tuple[Opening | None, ...], since: float, hours: float, closed: set[date]
) -> None:
    branch = Calendar("Asia/Tokyo", week, dict.fromkeys(closed, ""))
    due = branch.due_at(since, hours)
    day, open_seconds = branch.local_day(since), 0.0
    while day_number(day) <= day_number(branch.local_day(due)) + 1:
        if (opened := branch.opened(day)) is not None:
            open_seconds += max(0.0, min(due, opened[1]) - max(since, opened[0]))
        day += timedelta(days=1)
    assert open_seconds == pytest.approx(hours * 3600, abs=1e-3)


def rule(called: str, **more: object) -> Rule:
    return replace(Rule(called), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"hours": 4.0}, "4"),
        ({"wants": frozenset({"note"})}, "ask the same"),
        ({"hours": 4.0, "branches": frozenset({"121"})}, "8"),
        ({"hours": 4.0, "longer_than": 60.0}, "4"),
        ({"name": "A"}, "Two rules"),
    ],
)
def test_rules_that_contradict_each_other_are_refused_by_their_names(other: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(Policy((rule("A"), rule("B", **other))))
    assert "“A”" in str(refused.value) and said in str(refused.value)
    assert "“B”" in str(refused.value) or other.get("name") == "A"


def test_rules_for_different_calls_do_not_contradict_each_other() -> None:
    short, long = rule("short", at_most=60.0, hours=16.0), rule("long", longer_than=60.0)
    ours = rule("ours", kinds=frozenset({"out"}), hours=2.0, wants=frozenset(PARTS))
    assert checked(Policy((short, long, ours))).rules == (short, long, ours)
    apart = Policy((rule("one", branches=frozenset({"121"})), rule("other", branches=frozenset({"122"}), hours=1.0)))
    assert checked(apart) is apart


@pytest.mark.parametrize(
    "wrong",
    [
        Policy((rule("", hours=1.0),)),
        Policy((rule("A", kinds=frozenset()),)),
        Policy((rule("A", classes=frozenset()),)),
        Policy((rule("A", hours=0.0),)),
        Policy((rule("A", longer_than=9.0, at_most=9.0),)),
        Policy((), target=0.0),
        Policy((), weeks={"": (None,) * 7}),
        Policy((), weeks={"": (Opening(600, 600), *USUAL_WEEK[1:])}),
    ],
)
def test_what_no_call_could_keep_is_refused(wrong: Policy) -> None:
    with pytest.raises(Invalid):
        checked(wrong)


rules = st.builds(
    Rule,
    st.sampled_from("ABC"),
    st.frozensets(st.sampled_from(KINDS), min_size=1),
    st.sampled_from([0.0, 10.0, 60.0]),
    st.none() | st.sampled_from([30.0, 120.0]),
    st.frozensets(st.integers(1, 3), min_size=1),
    st.frozensets(st.sampled_from(["121", "122"])),
    st.sampled_from([4.0, 8.0]),
    st.frozensets(st.sampled_from(PARTS)),
)


@given(st.lists(rules, max_size=4), st.sampled_from(KINDS), st.floats(0, 200), st.sampled_from(["121", "122", "123"]))
def test_a_policy_that_was_taken_asks_one_thing_of_a_call(
    many: list[Rule], kind: str, seconds: float, branch: str
) -> None:
    try:
        policy = checked(Policy(tuple(many)))
    except Invalid:
        return
    for one in (1, 2, 3):
        held = [rule for rule in policy.rules if rule.holds_for(kind, seconds, branch, one)]  # type: ignore[arg-type]
        assert len({(rule.hours, rule.wants) for rule in held}) <= 1


@given(st.lists(rules, max_size=3), st.dictionaries(st.sampled_from(["", "121"]), weeks.map(tuple)))
def test_a_policy_is_kept_as_it_is(many: list[Rule], hours: dict[str, tuple[Opening | None, ...]]) -> None:
    policy = Policy(tuple(many), 97.5, {"": USUAL_WEEK} | hours, {"121": {date(2026, 1, 2): "Closed"}})
    assert from_json(as_json(policy)) == policy


def test_the_latest_version_that_reaches_back_to_a_call_holds() -> None:
    now, back = Version(1, DEFAULT, 100.0), Version(2, DEFAULT, 50.0)
    assert in_force([FIRST, now], 99.0) is FIRST and in_force([FIRST, now], 100.0) is now
    assert in_force([FIRST, now, back], 120.0) is back and in_force([FIRST, now, back], 49.0) is FIRST


MISSED = Facts("missed", 12.0, at("2026-11-25 10:00"), at("2026-11-25 10:01"))


def stand(
    *labels: Label, records: list[Record] | None = None, exempt: bool = False, sure: bool = True, facts: Facts = MISSED
) -> list[tuple[Label, str]]:
    seen = [Seen(label, None if label.kind != "customer" else "1", sure) for label in labels]
    made = rows_of(
        facts,
        seen,
        records or [],
        exempt,
        Policy((Rule("A", wants=frozenset({"result"})),)),
        lambda _: Calendar("Asia/Tokyo"),
    )
    return [(row.label, row.state) for row in made]


def test_a_call_stands_by_its_records() -> None:
    assert stand(OWN) == [(OWN, "open")]
    assert stand(OWN, records=[Record("", "a note")]) == [(OWN, "incomplete")]
    assert stand(OWN, records=[Record("", ""), Record("spoke", "")]) == [(OWN, "recorded")]
    assert stand(OWN, exempt=True) == [(OWN, "exempt")]
    assert stand(OWN, records=[Record("spoke", "")], exempt=True) == [(OWN, "recorded")]
    assert stand(OWN, facts=MISSED._replace(kind="out")) == []


def test_a_call_counts_once_for_each_label_of_its_customers() -> None:
    other = Label("customer", "122", "804", 1)
    assert stand(OWN, OWN, other) == [(OWN, "open"), (other, "open")]
    nobody = Label("unregistered", "121")
    assert stand(nobody, sure=False) == [(nobody, "unregistered")]
    assert stand(OWN, nobody, sure=False) == [(nobody, "unregistered")]  # a guess is nobody's call yet


def test_time_alone_makes_a_call_overdue() -> None:
    assert shown("open", 100.0, 99.0) == "due" and shown("open", 100.0, 100.0) == "overdue"
    assert shown("recorded", None, 100.0) == "recorded"
