"""Looking after the exchanges: what a page saves, how it goes with the settings file, who may (spec Exchanges, C1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.exchanges.desk import UNDO_SECONDS, Entry, ExchangeDesk, SecretWish
from cti_server.exchanges.saved import SavedExchange, State, Unfit, checked, merged
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import Conflict, NotAllowed, NotFound
from cti_server.shared.scope import Scope, Span
from cti_server.shared.viewer import Viewer
from tests.web.fake_shelf import FakeSecrets, FakeShelf

NEW = {"id": "osaka", "name": "大阪 PBX", "kind": "ami", "branch": "131", "host": "pbx.osaka.example", "port": "5038"}
NO_WISH = SecretWish()


class Clock:
    at = 1_000_000.0

    def now(self) -> float:
        return self.at


def admin(span: Span = Span.ALL, branch: str = "121", rights: frozenset[Any] = frozenset({"exchanges"})) -> Viewer:
    scope = Scope("900", branch, span, frozenset())
    return Viewer("900", "ito", "伊藤", branch, "本店営業部", "administrator", scope, rights)


@pytest.fixture
def shelf() -> FakeShelf:
    return FakeShelf()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(shelf: FakeShelf, clock: Clock) -> ExchangeDesk:
    return ExchangeDesk(shelf, admin(), clock, FakeSecrets())


def runs(shelf: FakeShelf) -> dict[str, ExchangeSettings]:
    """What the daemon would run."""
    entries = [checked(one.base) for one in shelf.all() if one.base is not None]
    return {one.id: one for one in merged(entries, shelf.all(), FakeSecrets().path).exchanges}


def test_what_is_added_runs_beside_what_the_file_has(desk: ExchangeDesk, shelf: FakeShelf) -> None:
    before = runs(shelf)
    entry = desk.add(NEW, SecretWish(typed="hush"))
    assert (entry.in_file, entry.on_page, entry.secret, entry.version, entry.undoable) == (False, True, "page", 1, True)
    assert shelf.told == ["osaka"] and shelf.shown == {"osaka"}
    after = runs(shelf)
    assert after.pop("osaka").secret_file is not None
    assert after == before, "no other is touched"


def test_a_secret_is_kept_elsewhere_and_never_given_back(desk: ExchangeDesk, shelf: FakeShelf) -> None:
    entry = desk.add(NEW, SecretWish(typed="hush"))
    stored = shelf.get("osaka")
    assert "hush" not in repr((entry, stored, shelf.trail))
    changed = desk.change("osaka", {"host": "other.example"}, NO_WISH, 1)
    kept = shelf.get("osaka")
    assert stored is not None and kept is not None and kept.now.secret == stored.now.secret, "empty: as it was"
    assert changed.values["host"] == "other.example"
    desk.change("osaka", {}, SecretWish(env="YOBIRIN_OSAKA_SECRET"), 2)
    assert runs(shelf)["osaka"].secret_env == "YOBIRIN_OSAKA_SECRET" and runs(shelf)["osaka"].secret_file is None


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (SecretWish(env="PATH"), "secret_env"),
        (SecretWish(env="YOBIRIN_; rm"), "secret_env"),
        (SecretWish(file="/etc/shadow"), "secret_file"),
        (SecretWish(file="../yobirin.sqlite3"), "secret_file"),
        (SecretWish(typed="a\r\nAction: Originate"), "secret"),
    ],
)
def test_a_page_reads_no_other_secrets(desk: ExchangeDesk, shelf: FakeShelf, wish: SecretWish, field: str) -> None:
    with pytest.raises(Unfit) as refused:
        desk.add(NEW, wish)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert shelf.get("osaka") is None and not shelf.told


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"path": "/data/secrets/hq-1.secret", "profile": "mitel"}, "path"),
        ({"path": "/etc/passwd", "profile": "mitel"}, "path"),
        ({"feed": "serial", "device": "/etc/passwd", "profile": "mitel"}, "device"),
        ({"feed": "serial", "device": "/dev/../etc/passwd", "profile": "mitel"}, "device"),
        ({"path": "/var/log/calls", "profile": "/etc/passwd"}, "profile"),
        ({"path": "/var/log/calls", "profile": "mine.toml"}, "profile"),
    ],
)
def test_a_page_has_no_files_of_the_server_read(desk: ExchangeDesk, more: dict[str, str], field: str) -> None:
    records = {"id": "old", "name": "旧", "kind": "smdr", "branch": "121", "feed": "file"}
    with pytest.raises(Unfit) as refused:
        desk.add(records | more, NO_WISH)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert desk.add(records | {"path": "/var/log/calls", "profile": "mitel"}, NO_WISH).kind == "smdr"


def test_what_the_settings_file_names_may_stay(desk: ExchangeDesk, shelf: FakeShelf) -> None:
    entry = desk.change("hq", {"host": "other"}, SecretWish(env="HQ_SECRET"), 0)
    assert entry.secret == "env" and runs(shelf)["hq"].secret_env == "HQ_SECRET"


def test_every_fault_is_told_at_its_field(desk: ExchangeDesk) -> None:
    wrong = NEW | {
        "id": "no-dash",
        "port": "70000",
        "timezone": "Tokyo",
        "branch": "999",
        "extensions": "(",
        "silent": "1",
    }
    with pytest.raises(Unfit) as refused:
        desk.add(wrong, NO_WISH)
    told = {fault.field: fault.code for fault in refused.value.faults}
    assert told.keys() == {"id", "port", "timezone", "extensions", "silent"}
    assert told["port"] == "less_than_equal"
    with pytest.raises(Unfit) as refused:
        desk.add(NEW | {"branch": "999"}, NO_WISH)
    assert [fault.code for fault in refused.value.faults] == ["wrong-branch"]
    with pytest.raises(Unfit) as refused:
        desk.add(NEW | {"ping_seconds": "60"}, NO_WISH)
    assert [fault.field for fault in refused.value.faults] == ["silence_seconds"]
    with pytest.raises(Unfit) as refused:
        desk.add(NEW | {"id": "hq"}, NO_WISH)
    assert [fault.code for fault in refused.value.faults] == ["id-taken"]


def test_a_change_goes_before_the_file_until_it_is_taken_back(desk: ExchangeDesk, shelf: FakeShelf) -> None:
    desk.change("hq", {"port": "5039", "id": "other", "kind": "simulated"}, NO_WISH, 0)
    running = runs(shelf)
    assert (running["hq"].port, running["hq"].kind) == (5039, "ami") and "other" not in running
    entry = desk.back_to_file("hq", 1)
    assert runs(shelf)["hq"].port == 5038 and not entry.on_page
    with pytest.raises(NotFound):
        desk.back_to_file("osaka", 0)


def test_who_was_slower_is_told(desk: ExchangeDesk) -> None:
    desk.change("hq", {"port": "5039"}, NO_WISH, 0)
    for act in (
        lambda: desk.change("hq", {"port": "5040"}, NO_WISH, 0),
        lambda: desk.pause("hq", 0),
        lambda: desk.remove("hq", 0),
        lambda: desk.back_to_file("hq", 0),
        lambda: desk.undo("hq", 0),
    ):
        with pytest.raises(Conflict):
            act()


def test_pausing_and_removing_hold_for_what_the_file_says_too(desk: ExchangeDesk, shelf: FakeShelf) -> None:
    assert desk.pause("hq", 0).paused and runs(shelf)["hq"].paused
    shelf.rows["hq"] = replace(shelf.rows["hq"], base=dict(shelf.rows["hq"].base or {}) | {"port": 5044})
    assert (runs(shelf)["hq"].paused, runs(shelf)["hq"].port) == (True, 5044), "the file goes on to count"
    assert not desk.resume("hq", 1).paused and not runs(shelf)["hq"].paused
    assert desk.remove("hq", 2).removed and "hq" not in runs(shelf) and shelf.hidden == {"hq"}
    assert "hq" in {one.id for one in desk.entries()}, "so that it can be brought back"
    assert not desk.bring_back("hq", 3).removed and "hq" in runs(shelf)


def test_the_last_change_can_be_undone_for_a_while(desk: ExchangeDesk, shelf: FakeShelf, clock: Clock) -> None:
    desk.change("hq", {"port": "5039"}, NO_WISH, 0)
    desk.remove("hq", 1)
    assert desk.undo("hq", 2) is not None and runs(shelf)["hq"].port == 5039
    with pytest.raises(Conflict):
        desk.undo("hq", 3)
    desk.pause("hq", 3)
    clock.at += UNDO_SECONDS + 1
    with pytest.raises(Conflict):
        desk.undo("hq", 4)
    desk.add(NEW, NO_WISH)
    assert desk.undo("osaka", 1) is None and "osaka" not in runs(shelf)
    with pytest.raises(NotFound):
        desk.entry("osaka")


def test_who_is_held_to_a_branch_looks_after_that_branch_only(shelf: FakeShelf, clock: Clock) -> None:
    held = ExchangeDesk(shelf, admin(Span.BRANCH), clock, FakeSecrets())
    assert [one.id for one in held.entries()] == ["hq"] and held.branches() == [("121", "本店営業部")]
    acts = [
        lambda id: held.entry(id),
        lambda id: held.change(id, {}, NO_WISH, 0),
        lambda id: held.pause(id, 0),
        lambda id: held.resume(id, 0),
        lambda id: held.remove(id, 0),
        lambda id: held.bring_back(id, 0),
        lambda id: held.back_to_file(id, 0),
        lambda id: held.undo(id, 0),
        lambda id: held.test(id),
        lambda id: held.test_values(id, {}, NO_WISH),
    ]
    for act in acts:
        for id in ("yokohama", "nonsense"):
            with pytest.raises(NotFound, match="There is no such exchange"):
                act(id)
    for act in (lambda: held.add(NEW, NO_WISH), lambda: held.change("hq", {"branch": "122"}, NO_WISH, 0)):
        with pytest.raises(Unfit) as refused:
            act()
        assert [fault.code for fault in refused.value.faults] == ["wrong-branch"]
    nobody = ExchangeDesk(shelf, admin(rights=frozenset()), clock, FakeSecrets())
    with pytest.raises(NotAllowed):
        nobody.entries()


def test_a_test_is_seen_by_who_asked_for_it(desk: ExchangeDesk, shelf: FakeShelf, clock: Clock) -> None:
    number = desk.test_values("", NEW, SecretWish(typed="hush"))
    test = desk.tested(number)
    assert (test.exchange, test.settings["host"], test.done) == ("osaka", "pbx.osaka.example", False)
    assert "hush" not in repr(test) and test.secret
    assert shelf.get("osaka") is None, "nothing is saved by it"
    other = ExchangeDesk(shelf, replace(admin(), id="901"), clock, FakeSecrets())
    with pytest.raises(NotFound):
        other.tested(number)


def test_one_that_cant_be_used_stops_no_other(shelf: FakeShelf) -> None:
    shelf.rows["old"] = SavedExchange(
        "old", None, State({"id": "old", "name": "旧", "kind": "ami", "branch": "121", "gone": 1})
    )
    found = merged([checked(shelf.rows["hq"].base or {})], shelf.all(), FakeSecrets().path)
    assert [one.id for one in found.exchanges] == ["hq"]
    (problem,) = found.problems
    assert (problem.id, problem.name, problem.branch) == ("old", "旧", "121") and problem.sentence


ACTS = st.sampled_from(["change", "pause", "resume", "remove", "bring back", "back to file", "undo"])


@settings(deadline=None)
@given(st.lists(ACTS, max_size=12))
def test_whatever_is_done_the_versions_rise_and_undoing_takes_back_the_last_act(acts: list[str]) -> None:
    shelf, clock = FakeShelf(), Clock()
    desk = ExchangeDesk(shelf, admin(), clock, FakeSecrets())
    for act in acts:
        before = shelf.rows["hq"]
        version = before.version
        doing: dict[str, Any] = {
            "change": lambda version=version: desk.change("hq", {"port": str(5000 + version)}, NO_WISH, version),
            "pause": lambda version=version: desk.pause("hq", version),
            "resume": lambda version=version: desk.resume("hq", version),
            "remove": lambda version=version: desk.remove("hq", version),
            "bring back": lambda version=version: desk.bring_back("hq", version),
            "back to file": lambda version=version: desk.back_to_file("hq", version),
            "undo": lambda version=version: desk.undo("hq", version),
        }
        try:
            entry: Entry | None = doing[act]()
        except (Conflict, NotFound):
            assert shelf.rows["hq"] == before
            continue
        assert shelf.rows["hq"].version == version + 1
        if entry is not None:
            assert entry.version == version + 1 and entry.removed == ("hq" not in runs(shelf))
        if act == "undo":
            assert shelf.rows["hq"].now == before.before
