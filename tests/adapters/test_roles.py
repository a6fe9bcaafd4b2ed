"""Roles that are changed: who may, what the preview says before, and that it is what the gate then shows (spec/50)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_server.identity.accounts import ROLES, Role, User
from cti_server.identity.roles import CLASS_LIMITS, PREVIEWED, role_state, wider
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.leak_world import World
from tests.adapters.storage_rig import CheapHasher, FixedClock
from tests.adapters.test_administering import LOCAL, Firm

REP = next(role for role in ROLES if role.name == "rep")
NIGHT = Role("night desk", Span.BRANCH, frozenset({2, 3}), frozenset({"handle", "unregistered"}))


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    made = Firm(tmp_path)
    yield made
    made.database.close()


def rights_told(firm: Firm) -> list[list[str]]:
    with firm.database.open(EVERYTHING) as work:
        return [row.body["users"] for row in work.session.query(mapping.Outbox) if row.kind == "rights"]


def test_only_who_looks_after_all_users_changes_roles(firm: Firm) -> None:
    for who in ("910", "801"):
        for act in (lambda v: firm.room.role_list(v), lambda v: firm.room.save_role(v, REP, role_state(REP))):
            with pytest.raises(NotAllowed):
                act(firm.viewer(who))
    found = {row.role.name: row.users for row in firm.room.role_list(firm.viewer("900"))}
    assert found["rep"] == 2 and found["tester"] == 0 and found[LOCAL.name] == 1


def test_a_change_holds_at_once_is_told_to_open_screens_and_stands_in_the_trail(firm: Firm) -> None:
    chief, rep = firm.viewer("900"), firm.viewer("801")
    told = len(rights_told(firm))
    wide = replace(REP, span=Span.BRANCH, rights=REP.rights | {"unregistered"})
    assert firm.room.save_role(chief, wide, role_state(REP)) == REP
    assert firm.viewer("801").scope == replace(rep.scope, span=Span.BRANCH, unregistered=True)
    assert rights_told(firm)[told:] == [["801", "805"]]
    with firm.database.open(EVERYTHING) as work:
        entry = work.session.query(mapping.Audit).filter_by(act="role-changed", user="900").one()
    assert entry.subject_id == "rep" and entry.detail["before"]["span"] == "own"
    with pytest.raises(Conflict, match="in the meantime"):
        firm.room.save_role(chief, replace(REP, classes=frozenset({3})), role_state(REP))
    assert firm.room.save_role(chief, wide, role_state(wide)) == wide  # nothing changed: nothing told
    assert len(rights_told(firm)) == told + 1


def test_nobody_widens_their_own_role_and_somebody_who_looks_after_all_users_stays(firm: Firm) -> None:
    chief = firm.viewer("900")
    own = firm.room.one_role(chief, "administrator").role
    with pytest.raises(Invalid, match="can't give your own role more"):
        firm.room.save_role(chief, replace(own, rights=own.rights | {"audit"}), role_state(own))
    for less in (replace(own, rights=own.rights - {"users"}), replace(own, span=Span.BRANCH)):
        with pytest.raises(Invalid, match="Nobody would be left"):
            firm.room.save_role(chief, less, role_state(own))
    firm.room.save_role(chief, replace(own, rights=own.rights - {"phases"}), role_state(own))
    assert "phases" not in firm.viewer("900").rights


def test_one_is_added_and_removed_while_nobody_has_it(firm: Firm) -> None:
    chief = firm.viewer("900")
    firm.room.add_role(chief, NIGHT)
    with pytest.raises(Invalid, match="of this name already"):
        firm.room.add_role(chief, replace(NIGHT, name="Night  Desk"))
    firm.room.add_user(User("960", "night", "夜間", "121", NIGHT.name), None)
    with pytest.raises(Invalid, match="nobody has"):
        firm.room.remove_role(chief, NIGHT.name)
    firm.room.set_role("960", "rep")
    assert firm.room.remove_role(chief, NIGHT.name) == NIGHT
    with pytest.raises(NotFound):
        firm.room.one_role(chief, NIGHT.name)
    with pytest.raises(Invalid, match="added here"):
        firm.room.remove_role(chief, "tester")
    assert [act for act in firm.acts() if act.startswith("role-") and act != "role-given"][-2:] == [
        "role-added",
        "role-removed",
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": frozenset({1})}, "all classes of customers, 2 and 3, only 3, or none"),
        ({"classes": frozenset()}, "has to see customers; choose their classes"),
        ({"classes": frozenset(), "rights": frozenset({"handle"})}, "has to see customers or unregistered callers"),
        ({"rights": frozenset({"fly"})}, "no right “fly”"),
        ({"name": "a/b"}, "without a slash"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(firm: Firm, wrong: dict[str, object], said: str) -> None:
    chief = firm.viewer("900")
    with pytest.raises(Invalid, match=said):
        firm.room.add_role(chief, replace(REP, **({"name": "new"} | wrong)))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=said):
        firm.room.put_role(replace(REP, **wrong))  # type: ignore[arg-type]


def test_a_preview_pages_through_the_users(firm: Firm) -> None:
    for number in range(PREVIEWED + 3):
        firm.room.add_user(User(f"82{number:02}", f"m{number}", "多数", "122", "rep"), None)
    chief = firm.viewer("900")
    first = firm.room.preview_role(chief, replace(REP, classes=frozenset({3}), rights=frozenset({"handle"})))
    rest = firm.room.preview_role(chief, REP, first.after)
    assert (first.users, len(first.rows), len(rest.rows), rest.after) == (PREVIEWED + 5, PREVIEWED, 5, "")
    assert (list(first.gained), list(first.lost), first.sees_otherwise) == ([], ["customers"], True)
    assert not rest.sees_otherwise


def test_what_is_previewed_is_what_the_gate_then_shows(tmp_path: Path) -> None:
    world = World(tmp_path)
    database = world.office.database
    room = accounts(database, FixedClock(), hasher=CheapHasher())
    chief = room.viewer("999")
    before = room.one_role(chief, "rep").role
    for span, classes, unregistered in itertools.product(Span, CLASS_LIMITS[:3], (True, False)):
        rights = before.rights | {"unregistered"} if unregistered else before.rights - {"unregistered"}
        preview = room.preview_role(chief, replace(before, span=span, classes=classes, rights=rights))
        assert preview.rows
        for row in preview.rows:
            for role, reach in ((preview.before, row.before), (preview.role, row.after)):
                scope = role.scope(row.user.id, row.user.branch)
                with database.open(scope) as work:
                    customers = work.session.scalar(select(func.count()).select_from(mapping.Customer))
                    sights = work.session.scalars(select(mapping.Sight).where(mapping.Sight.open)).all()
                assert reach == (customers, len({sight.call_id for sight in sights})), (role, row.user.id)
    database.close()


def test_wider_is_more_of_anything() -> None:
    assert wider(replace(REP, span=Span.BRANCH), REP) and wider(replace(REP, rights=REP.rights | {"audit"}), REP)
    assert not wider(REP, REP) and not wider(replace(REP, classes=frozenset({3}), rights=frozenset()), REP)
