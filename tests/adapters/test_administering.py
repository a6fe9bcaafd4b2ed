"""Looking after users: whom one reaches, what one may give, and that nobody is left out in the cold (spec/50)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts, put_default_roles
from cti_adapters.storage.firm import put_branches
from cti_adapters.storage.gate import system
from cti_adapters.storage.work import Database
from cti_server.identity.accounts import ROLES, Role, User, Viewer
from cti_server.identity.administering import can_give, key_of, state_of
from cti_server.identity.desk import Accounts
from cti_server.identity.people_ports import WantedUsers
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.people import Branch
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.storage_rig import CheapHasher, FixedClock

LOCAL = Role("branch administrator", Span.BRANCH, frozenset({1, 2, 3}), frozenset({"users", "customers"}))


class Firm:
    """Chief (everywhere) and Local (of branch 121) look after users; a rep of each branch."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'y.sqlite3'}")
        self.database.upgrade()
        with self.database.open(EVERYTHING, write=True) as work:
            put_branches(system(work.session), [Branch("121", "本店"), Branch("122", "横浜")])
            put_default_roles(work)
        self.clock = FixedClock()
        self.room: Accounts = accounts(self.database, self.clock, hasher=CheapHasher())
        self.room.put_role(LOCAL)
        people = (
            ("900", "121", "administrator"),
            ("910", "121", LOCAL.name),
            ("801", "121", "rep"),
            ("805", "122", "rep"),
        )
        for id, branch, role in people:
            self.room.add_user(User(id, f"u{id}", f"名前{id}", branch, role, kana=f"カナ{id}"), "correct horse")

    def viewer(self, id: str) -> Viewer:
        found = self.room.viewer_of(self.room.sign_in(f"u{id}", "correct horse", "192.0.2.1"))
        assert found is not None
        return found

    def acts(self) -> list[str]:
        with self.database.open(EVERYTHING) as work:
            return [row.act for row in work.session.query(mapping.Audit).order_by(mapping.Audit.id)]


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    made = Firm(tmp_path)
    yield made
    made.database.close()


def ids(firm: Firm, viewer: Viewer, **wanted: str) -> list[str]:
    return [row.user.id for row in firm.room.people(viewer, WantedUsers(**wanted)).rows]  # type: ignore[arg-type]


def test_who_is_held_to_a_branch_reaches_those_there_who_reach_no_further(firm: Firm) -> None:
    chief, local = firm.viewer("900"), firm.viewer("910")
    assert ids(firm, chief) == ["801", "805", "900", "910"]
    assert ids(firm, local) == ["801", "910"]
    for other in ("805", "900", "nobody"):
        for act in (firm.room.person, firm.room.new_password, firm.room.within):
            with pytest.raises(NotFound, match="There is no such user"):
                act(local, other)
        with pytest.raises(NotFound):
            firm.room.lock(local, other, True)
        with pytest.raises(NotFound):
            firm.room.end_session(local, other, "")
    assert firm.room.person(local, "801").user.name == "名前801"
    with pytest.raises(NotAllowed):
        firm.room.people(firm.viewer("801"), WantedUsers())


def test_nobody_gives_more_than_they_have(firm: Firm) -> None:
    local = firm.viewer("910")
    wide = User("950", "new", "新人", "121", "administrator")
    for user in (wide, replace(wide, role="rep", branch="122"), replace(wide, role="compliance reviewer")):
        with pytest.raises(Invalid, match="can't give this branch or role"):
            firm.room.add(local, user)
    with pytest.raises(Invalid, match="can't give"):
        rep = firm.room.person(local, "801").user
        firm.room.change(local, replace(rep, branch="122"), state_of(rep))
    branches, roles = firm.room.choices(local)
    assert branches == [("121", "本店")]
    assert {role.name for role in roles} == {LOCAL.name, "rep", "branch manager"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_can_be_given_reaches_no_further_than_who_gives_it(data: st.DataObject) -> None:
    roles = st.sampled_from(
        [*ROLES, LOCAL, replace(LOCAL, rights=frozenset({"users", "handle"})), replace(LOCAL, span=Span.OWN)]
    )
    giver, given_role = data.draw(roles), data.draw(roles)
    viewer = Viewer("1", "1", "1", "121", "", giver.name, giver.scope("1", "121"), giver.rights)
    if can_give(viewer, given_role) and giver.span is not Span.ALL:
        spans = list(Span)
        assert spans.index(given_role.span) <= spans.index(giver.span) and given_role.classes <= giver.classes
        assert {"users", "audit", "rules", "exchanges", "simulator", "phases"} & given_role.rights <= giver.rights


def test_a_new_user_signs_in_with_the_password_that_was_shown(firm: Firm) -> None:
    chief = firm.viewer("900")
    password = firm.room.add(chief, User("950", " New ", "新人  太郎", "122", "rep", mail="n@example.jp"))
    seen = firm.room.viewer_of(firm.room.sign_in("new", password, "192.0.2.9"))
    assert seen is not None and (seen.id, seen.name) == ("950", "新人 太郎")
    for bad in (
        replace(seen_user(firm, chief), id="951"),
        User("952", "x", "", "122", "rep"),
        User("953", "y", "y", "122", "rep", mail="@"),
    ):
        with pytest.raises(Invalid):
            firm.room.add(chief, bad)
    assert firm.acts().count("user-added") == 5


def seen_user(firm: Firm, chief: Viewer) -> User:
    return firm.room.person(chief, "950").user


def test_a_change_is_kept_in_the_trail_without_what_is_private_and_ends_sessions(firm: Firm) -> None:
    chief, rep = firm.viewer("900"), firm.viewer("801")
    before = firm.room.person(chief, "801").user
    firm.room.change(chief, replace(before, mail="secret@example.jp", role="branch manager"), state_of(before))
    with firm.database.open(EVERYTHING) as work:
        entry = work.session.query(mapping.Audit).filter_by(act="user-changed").one()
        assert entry.detail == {"fields": ["mail", "role"], "role": "branch manager"}
    assert firm.room.person(chief, rep.id).sessions == ()
    with pytest.raises(Conflict):
        firm.room.change(chief, before, state_of(before))


def test_who_is_locked_out_is_out_at_once_and_everywhere(firm: Firm) -> None:
    chief = firm.viewer("900")
    token = firm.room.sign_in("u801", "correct horse", "192.0.2.3")
    firm.room.lock(chief, "801", True)
    assert firm.room.viewer_of(token) is None
    with pytest.raises(Invalid):
        firm.room.sign_in("u801", "correct horse", "192.0.2.3")
    assert ids(firm, chief, state="locked") == ["801"]
    firm.room.lock(chief, "801", False)
    assert firm.room.viewer_of(firm.room.sign_in("u801", "correct horse", "192.0.2.3")) is not None


def test_nobody_locks_themselves_out_and_the_last_one_stays(firm: Firm) -> None:
    chief = firm.viewer("900")
    me = firm.room.person(chief, "900").user
    with pytest.raises(Invalid, match="lock yourself out"):
        firm.room.lock(chief, "900", True)
    with pytest.raises(Invalid, match="your own role"):
        firm.room.change(chief, replace(me, role="rep"), state_of(me))
    firm.room.add(chief, User("901", "second", "二人目", "121", "administrator"))
    firm.room.set_active("900", False)
    firm.room.set_password("901", "correct horse")
    other = firm.room.viewer_of(firm.room.sign_in("second", "correct horse", "192.0.2.1"))
    assert other is not None
    lone = replace(other, id="x")
    with pytest.raises(Invalid, match="Nobody would be left"):
        firm.room.lock(lone, "901", True)


def test_sessions_are_listed_and_ended_one_by_one_or_all_but_this(firm: Firm) -> None:
    tokens = [firm.room.sign_in("u801", "correct horse", f"192.0.2.{n}") for n in range(3)]
    rep = firm.room.viewer_of(tokens[0])
    assert rep is not None
    sessions = firm.room.my_sessions(rep)
    assert len(sessions) == 3
    mine = next(one for one in sessions if one.address == "192.0.2.0")
    away = next(one for one in sessions if one.address == "192.0.2.1")
    firm.room.end_my_session(rep, key_of(away))
    assert firm.room.viewer_of(tokens[1]) is None
    with pytest.raises(NotFound):
        firm.room.end_my_session(firm.viewer("805"), key_of(mine))
    assert firm.room.end_my_others(rep, mine.id) == 1
    assert [firm.room.viewer_of(token) is not None for token in tokens] == [True, False, False]


def test_a_session_that_is_over_is_not_shown_as_one(firm: Firm) -> None:
    chief = firm.viewer("900")
    firm.viewer("801")
    assert len(firm.room.person(chief, "801").sessions) == 1
    firm.clock.at += 3601
    assert firm.room.person(chief, "801").sessions == () and firm.room.my_sessions(chief) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "名前80"}, ["801", "805"]),
        ({"text": "カナ9"}, ["900", "910"]),
        ({"text": "%"}, []),
        ({"text": "_"}, []),
        ({"branch": "122"}, ["805"]),
        ({"role": "rep", "branch": "121"}, ["801"]),
        ({"state": "active"}, ["801", "805", "900", "910"]),
    ],
)
def test_the_list_is_filtered(firm: Firm, wanted: dict[str, str], found: list[str]) -> None:
    assert ids(firm, firm.viewer("900"), **wanted) == found


def test_a_long_list_is_read_page_by_page(firm: Firm) -> None:
    chief = firm.viewer("900")
    with firm.database.open(EVERYTHING, write=True) as work:
        work.session.add_all(
            mapping.User(id=f"b{n:03}", login=f"b{n}", name="B", branch="121", role="rep") for n in range(120)
        )
    pages, after = [], ""
    while True:
        page = firm.room.people(chief, WantedUsers(role="rep"), after)
        pages.append([row.user.id for row in page.rows])
        after = page.after
        if not after:
            break
    assert [len(page) for page in pages] == [50, 50, 22]
    assert sorted({id for page in pages for id in page}) == sorted(id for page in pages for id in page)
