"""Who should take a customer: the rules against the table of paths, and who can't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.phases.availability import Obstacle
from cti_server.phases.choosing import CLOSER_LOOK, Choice, Chooser, Question, Rule
from cti_server.phases.estimating import Balance
from cti_server.phases.paths import ALL, Among, Path, same_earlier, same_source
from cti_server.phases.tallies import Book

NURTURING, CLOSING, SUCCESS = range(3)
PATENT = (Rule.SUM, Rule.RATE, Rule.EARLIER, Rule.SOURCE)


@dataclass
class Team:
    """Everybody works every phase that they are named for, and can hold ten customers."""

    phases: dict[int, list[str]]
    held: Counter[str] = field(default_factory=Counter)
    away: set[str] = field(default_factory=set)

    def working(self, phase: int) -> Collection[str]:
        return self.phases[phase]

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        if member not in self.phases[phase]:
            return "phase"
        if member in self.away:
            return "absent"
        return "full" if self.held[member] >= 10 else None

    def load(self, member: str) -> tuple[int, int]:
        return self.held[member], 10


def _book(*paths: Path) -> Book:
    book = Book()
    for path in paths:
        book.change(None, path)
    return book


X = Path("web", ("a", "e", "h"), 3, worth=2_400_000)
Y = Path("seminar", ("b", "f"), 1, over=True, worth=0)
Z = Path("web", ("a",), 0, over=True, worth=0)
FIRM = Team({NURTURING: ["a", "b"], CLOSING: ["e", "f", "g"], SUCCESS: ["h", "i"]})


def _choose(book: Book, rule: Rule, question: Question, team: Team = FIRM, best: int = 3) -> Choice:
    return Chooser(rule).choose(book, question, team, best)


def test_the_table_of_the_patent() -> None:
    book = _book(X, Y, Z)
    found = _choose(book, Rule.SUM, Question(CLOSING, "web", ("a",)))
    assert [(one.member, one.score) for one in found.best] == [("e", 2_400_000), ("f", 0), ("g", 0)]
    rate = _choose(book, Rule.RATE, Question(NURTURING, "web", ()))
    assert [(one.member, one.score) for one in rate.best] == [("a", 1_200_000), ("b", 0)]
    assert (rate.best[0].tally.handed_on, rate.best[0].tally.decided) == (1, 2)


def test_the_same_member_before() -> None:
    book = _book(X, Path("web", ("b", "f", "i"), 3, worth=1_000_000), Path("web", ("b", "e", "i"), 3, worth=10))
    after_a = _choose(book, Rule.EARLIER, Question(CLOSING, "web", ("a",)))
    after_b = _choose(book, Rule.EARLIER, Question(CLOSING, "web", ("b",)))
    assert [(one.member, one.score) for one in after_b.best][:2] == [("f", 1_000_000), ("e", 10)]
    assert (after_a.member, after_b.member) == ("e", "f")
    assert after_b.best[0].among == same_earlier(NURTURING, "b")
    success = Chooser(Rule.EARLIER, earlier=NURTURING).choose(book, Question(SUCCESS, "web", ("a", "f")), FIRM)
    assert success.member == "h"


def test_the_same_first_contact() -> None:
    book = _book(X, Path("seminar", ("a", "f", "h"), 3, worth=50))
    assert _choose(book, Rule.SOURCE, Question(CLOSING, "seminar", ("a",))).member == "f"
    assert _choose(book, Rule.SOURCE, Question(CLOSING, "web", ("a",))).member == "e"


def test_nobody_handled_such_customers() -> None:
    found = _choose(_book(X), Rule.SOURCE, Question(CLOSING, "fair", ("a",)))
    assert found.member == "e" and found.widened
    assert not _choose(_book(X), Rule.SOURCE, Question(CLOSING, "web", ("a",))).widened


@pytest.mark.parametrize("rule", list(Rule))
def test_who_can_not_take_one_more_is_passed_over_and_that_is_said(rule: Rule) -> None:
    team = Team(FIRM.phases, Counter(e=10), {"f"})
    found = _choose(_book(X), rule, Question(CLOSING, "web", ("a",)), team)
    assert [one.member for one in found.best] == ["g"]
    assert {(one.member, one.why) for one in found.passed_over} == {("e", "full"), ("f", "absent")}


@pytest.mark.parametrize("rule", list(Rule))
def test_where_nobody_can_nobody_is_chosen(rule: Rule) -> None:
    team = Team(FIRM.phases, away={"e", "f", "g"})
    found = _choose(_book(X), rule, Question(CLOSING, "web", ("a",)), team)
    assert found.member is None and len(found.passed_over) == 3


@pytest.mark.parametrize("rule", list(Rule))
def test_who_does_not_work_the_phase_any_more_is_not_chosen(rule: Rule) -> None:
    team = Team({**FIRM.phases, CLOSING: ["f", "g"]})
    found = _choose(_book(X), rule, Question(CLOSING, "web", ("a",)), team)
    assert {one.member for one in found.best} == {"f", "g"} and not found.passed_over


def test_one_lucky_deal_does_not_win_every_customer() -> None:
    steady = [Path("web", ("a", "e", "h"), 3, worth=900_000) for _deal in range(60)]
    lucky = Path("web", ("a", "f", "h"), 3, worth=5_000_000)
    others = [Path("web", ("a", "g"), 1, over=True, worth=0) for _deal in range(60)]
    found = _choose(_book(*steady, lucky, *others), Rule.BALANCED, Question(CLOSING, "web", ("a",)))
    assert [one.member for one in found.best] == ["e", "f", "g"]


def test_our_rule_knows_who_is_good_with_whom() -> None:
    paths = []
    for member, source, won in (("e", "web", 30), ("e", "fair", 5), ("f", "web", 5), ("f", "fair", 30)):
        paths += [Path(source, ("a", member, "h"), 3, worth=1_000) for _deal in range(won)]
        paths += [Path(source, ("a", member), 1, over=True, worth=0) for _deal in range(40 - won)]
    book = _book(*paths)
    assert _choose(book, Rule.BALANCED, Question(CLOSING, "web", ("a",))).member == "e"
    assert _choose(book, Rule.BALANCED, Question(CLOSING, "fair", ("a",))).member == "f"


def test_a_full_desk_counts_against_a_member() -> None:
    book = _book(*(Path("web", ("a", one, "h"), 3, worth=1_000) for one in "ef" for _deal in range(30)))
    team = Team(FIRM.phases, Counter(e=8, g=9))
    assert _choose(book, Rule.BALANCED, Question(CLOSING, "web", ("a",)), team).member == "f"


def test_a_share_of_customers_goes_to_whom_little_is_known_of() -> None:
    won = [Path("web", ("a", one, "h"), 3, worth=1_000) for one in "ef" for _deal in range(30)]
    lost = [Path("web", ("a", one), 1, over=True, worth=0) for one in "ef" for _deal in range(10)]
    chooser = Chooser(Rule.BALANCED, balance=Balance(trials=0.1))
    question = Question(CLOSING, "web", ("a",))
    book = _book(*won, *lost)
    trial = chooser.choose(book, question, FIRM, dice=0.05)
    assert trial.trial and trial.member == "g"
    assert not chooser.choose(book, question, FIRM, dice=0.5).trial


MEMBERS = (("a", "b"), ("e", "f", "g"), ("h", "i"))


@st.composite
def _paths(draw: st.DrawFn) -> Path:
    reached = draw(st.integers(1, 3))
    members = tuple(draw(st.sampled_from(MEMBERS[phase])) for phase in range(reached))
    over = draw(st.booleans())
    passed = reached - 1 if over else draw(st.integers(reached - 1, reached))
    worth = 0 if over else draw(st.none() | st.integers(0, 10**7))
    return Path(draw(st.sampled_from(("web", "fair"))), members, passed, over, worth)


def _by_hand(paths: list[Path], phase: int, among: Among, rule: Rule) -> dict[str, int]:
    """A rule's values, straight from the table of paths."""
    values = {}
    for member in MEMBERS[phase]:
        mine = [p for p in paths if len(p.members) > phase and p.members[phase] == member and among.has(p, phase)]
        values[member] = sum(p.worth or 0 for p in mine)
        if rule is Rule.RATE:
            decided = [p.handed_on(phase) for p in mine if p.handed_on(phase) is not None]
            values[member] = values[member] * sum(map(bool, decided)) // len(decided) if decided else 0
    return values


@settings(deadline=None)
@given(
    st.lists(_paths(), max_size=25),
    st.lists(_paths(), max_size=10),
    st.sampled_from(PATENT),
    st.integers(0, 2),
    st.sampled_from(("web", "fair", "mail")),
)
def test_the_sums_are_those_of_the_table_of_paths(
    paths: list[Path], gone: list[Path], rule: Rule, phase: int, source: str
) -> None:
    book = _book(*paths, *gone)
    question = Question(phase, source, ("a", "e", "h")[:phase])
    among = Chooser(rule).among(question)
    Chooser(rule).choose(book, question, FIRM)  # an order that exists is kept as deals change
    for path in gone:
        book.change(path, None)
    values = _by_hand(paths, phase, among, rule)
    if not any(values.values()):
        values = _by_hand(paths, phase, ALL, rule)
    found = _choose(book, rule, question, best=1)
    assert found.best[0].score == max(values.values()) == values[found.best[0].member]


@given(st.lists(_paths(), max_size=25), st.randoms())
def test_deals_may_be_told_in_any_order(paths: list[Path], chance) -> None:  # type: ignore[no-untyped-def]
    told = list(paths)
    chance.shuffle(told)
    question = Question(CLOSING, "web", ("a",))
    for rule in Rule:
        first, second = (_choose(_book(*each), rule, question).best for each in (paths, told))
        assert [one.member for one in first] == [one.member for one in second]


def test_a_large_firm_is_not_looked_at_whole_and_the_best_is_found_all_the_same() -> None:
    team = Team({CLOSING: [f"m{number}" for number in range(20 * CLOSER_LOOK)]})
    paths = []
    for number, member in enumerate(team.phases[CLOSING]):
        won = 30 if member == "m77" else 5 + number % 5
        paths += [Path("web", ("a", member), 2, worth=1_000) for _deal in range(won)]
        paths += [Path("web", ("a", member), 1, over=True, worth=0) for _deal in range(40 - won)]
    book = _book(*paths)
    question = Question(CLOSING, "web", ("a",))
    assert _choose(book, Rule.BALANCED, question, team).member == "m77"
    team.held["m77"] = 10
    assert _choose(book, Rule.BALANCED, question, team).member != "m77"


def test_who_joins_a_large_firm_is_tried() -> None:
    team = Team({CLOSING: [f"m{number}" for number in range(20 * CLOSER_LOOK)]})
    known = [Path("web", ("a", member), 2, worth=1_000) for member in team.phases[CLOSING] for _deal in range(9)]
    book = _book(*known, *(Path("web", ("a", one), 1, over=True, worth=0) for one in team.phases[CLOSING]))
    team.phases[CLOSING].append("new")
    book.join(CLOSING, "new", ALL)
    found = Chooser(Rule.BALANCED).choose(book, Question(CLOSING, "web", ("a",)), team, dice=0.0)
    assert found.trial and found.member == "new"


def test_lots_are_those_that_count_a_path() -> None:
    assert ALL.has(X, SUCCESS) and same_source("web").has(X, SUCCESS) and not same_source("fair").has(X, SUCCESS)
    assert same_earlier(CLOSING, "e").has(X, SUCCESS) and not same_earlier(CLOSING, "e").has(X, CLOSING)
    assert not same_earlier(CLOSING, "e").has(Z, SUCCESS)
