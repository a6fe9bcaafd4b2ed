"""The scope rule in SQL is the scope rule in Python, and nothing goes round it."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, exists, func, select, text, union_all, update
from sqlalchemy.orm import aliased

from cti_adapters.storage import desk_items, gate, mapping
from cti_adapters.storage.mapping import (
    Audit,
    Call,
    Customer,
    CustomerNumber,
    Dial,
    Draft,
    History,
    HistoryCall,
    Item,
    Mail,
    Sight,
    Taken,
)
from cti_adapters.storage.schema import calls, customers, sights
from cti_adapters.storage.work import Database
from cti_server.shared.errors import Conflict, NotAllowed, Unavailable
from cti_server.shared.scope import EVERYTHING, Kind, Label, Scope, Span
from tests.adapters.storage_rig import NOW, customer, make_database, put

BRANCHES, REPS, CLASSES = ("121", "122"), ("801", "802", None), (1, 2, 3)
LABELS: list[Label] = [
    *(Label("customer", branch, rep, one) for branch, rep, one in product(BRANCHES, REPS, CLASSES)),
    *(Label("unregistered", branch) for branch in BRANCHES),
    *(Label("internal", branch, rep) for branch, rep in product(BRANCHES, REPS)),
]
SCOPES = st.builds(
    Scope,
    user=st.sampled_from(["801", "802", "700"]),
    branch=st.sampled_from(BRANCHES),
    span=st.sampled_from(Span),
    classes=st.frozensets(st.sampled_from(CLASSES)),
    unregistered=st.booleans(),
    may_handle=st.booleans(),
    everything=st.sampled_from([False, False, False, True]),
    stands_in=st.frozensets(st.tuples(st.sampled_from(["801", "802", "700"]), st.sampled_from(CLASSES)), max_size=3),
)
REP = Scope("801", "121", Span.OWN, frozenset({2, 3}), may_handle=True)


def sight(call_id: str, label: Label, **more: Any) -> Sight:
    return Sight(
        call_id=call_id,
        kind=label.kind,
        tier=gate.tier(label.kind, label.confidentiality),
        branch=label.branch,
        rep=label.rep,
        confidentiality=label.confidentiality,
        match="exact",
        started_at=NOW,
        direction="in",
        **more,
    )


def call(call_id: str) -> Call:
    lists = ("rang_extensions", "attempted_extensions", "ringing_extensions", "transferred_to", "linkedids", "marks")
    return Call(
        id=call_id,
        exchange="hq",
        branch="121",
        direction="in",
        state="ended",
        started_at=NOW,
        **{name: [] for name in lists},
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """For each label one call with its sight, item, customer, history, mail, dial, trail."""
    database = make_database(tmp_path_factory.mktemp("gate"))
    rows: list[Any] = []
    for number, label in enumerate(LABELS):
        code = f"c{number}" if label.kind == "customer" else None
        if code is not None:
            rows.append(
                customer(
                    code,
                    f"+813000000{number:02d}",
                    rep=label.rep,
                    branch=label.branch,
                    confidentiality=label.confidentiality or 0,
                )
            )
        rows += [
            call(f"k{number}"),
            sight(f"k{number}", label, item_id=number + 1, customer_code=code),
            Item(id=number + 1, key=f"k{number}", branch=label.branch, state="open", kind="missed", latest_at=NOW),
            History(id=number + 1, customer_code=code, kind="contact", channel="phone", at=NOW),
            Mail(customer_code=code, call_id=f"k{number}", mail_to="a@b", asked_at=NOW),
            Dial(
                customer_code=code,
                call_id=f"k{number}",
                user="x",
                exchange="hq",
                extension="1",
                number="1",
                asked_at=NOW,
            ),
            Audit(at=NOW, act="matched", subject_kind="call", subject_id=f"k{number}", customer_code=code, detail={}),
        ]
    put(database, *rows)
    put(database, *(HistoryCall(history_id=number + 1, call_id=f"k{number}") for number in range(len(LABELS))))
    put(
        database,
        *(
            Draft(item_id=number + 1, user=user, at=NOW, note="typed")
            for number in range(len(LABELS))
            for user in ("801", "802")
        ),
    )
    return database


def ids(found: Any) -> set[str]:
    return {str(one) for one in found}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=SCOPES)
def test_the_rule_in_sql_is_the_rule_in_python(world: Database, scope: Scope) -> None:
    admitted = {number for number, label in enumerate(LABELS) if scope.admits(label)}
    k = {f"k{number}" for number in admitted}
    c = {f"c{number}" for number in admitted if LABELS[number].kind == "customer"}
    n = {str(number + 1) for number in admitted}
    with world.open(scope) as work:
        session = work.session
        assert ids(session.scalars(select(Sight.call_id))) == k
        assert ids(session.scalars(select(Call.id))) == k
        assert ids(session.scalars(select(Item.id))) == n
        assert ids(session.scalars(select(Customer.code))) == c
        assert ids(session.scalars(select(CustomerNumber.customer_code))) == c
        assert ids(session.scalars(select(History.id))) == n
        assert ids(session.scalars(select(HistoryCall.call_id))) == k
        assert ids(session.scalars(select(Mail.call_id))) == k
        assert ids(session.scalars(select(Dial.call_id))) == k
        assert ids(session.scalars(select(Audit.subject_id))) == k
        if not scope.everything:
            mine = n if scope.user in ("801", "802") else set()
            assert ids(session.scalars(select(Draft.item_id))) == mine


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scope=SCOPES)
def test_the_index_ranges_cover_the_rule_and_nothing_else(world: Database, scope: Scope) -> None:
    with world.engine.connect() as connection:
        found = {
            row.call_id for one in gate.ranges(scope) for row in connection.execute(select(sights.c.call_id).where(one))
        }
        codes = {
            row.code
            for one in gate.customer_ranges(scope)
            for row in connection.execute(select(customers.c.code).where(one))
        }
    assert found == {f"k{number}" for number, label in enumerate(LABELS) if scope.admits(label)}
    assert codes == {f"c{n}" for n, label in enumerate(LABELS) if label.kind == "customer" and scope.admits(label)}


@given(
    kind=st.sampled_from(["customer", "unregistered", "internal"]), confidentiality=st.none() | st.sampled_from(CLASSES)
)
def test_a_customer_without_a_class_has_a_tier_that_no_limit_reaches(kind: Kind, confidentiality: int | None) -> None:
    scope = Scope("801", "121", Span.ALL, frozenset(CLASSES), unregistered=True)
    label = Label(kind, "121", "801", confidentiality)
    assert (gate.tier(kind, confidentiality) in gate.tiers(scope)) == scope.admits(label)


HIDDEN = LABELS.index(Label("customer", "121", "801", 1))
SEEN = LABELS.index(Label("customer", "121", "801", 2))


def test_every_kind_of_statement_passes_the_gate(world: Database) -> None:
    k = {f"k{number}" for number, label in enumerate(LABELS) if REP.admits(label)}
    with world.open(REP) as work:
        session = work.session
        other = aliased(Call)
        assert ids(session.scalars(select(other.id))) == k
        assert session.scalar(select(func.count()).select_from(Sight)) == len(k)
        assert session.get(Call, f"k{HIDDEN}") is None
        assert session.get(Call, f"k{SEEN}") is not None
        for number, there in ((HIDDEN, False), (SEEN, True)):
            one = select(Sight).where(Sight.call_id == f"k{number}")
            assert session.scalar(select(one.exists())) is there
            # Beside a class without a label too: by EXISTS, IN and a scalar sub-select.
            codes = select(mapping.Branch.code)
            assert bool(session.scalars(codes.where(one.exists())).all()) is there
            assert bool(session.scalars(codes.where(exists().where(Sight.call_id == f"k{number}"))).all()) is there
            branch = select(Sight.branch).where(Sight.call_id == f"k{number}")
            assert bool(session.scalars(codes.where(mapping.Branch.code.in_(branch))).all()) is there
            assert bool(session.scalars(codes.where(mapping.Branch.code == branch.scalar_subquery())).all()) is there
        joined = select(Call.id).join(Sight, Sight.call_id == Call.id)
        assert ids(session.scalars(joined)) == k
        parts = [select(Sight.call_id).where(sights.c.tier == one).limit(99).subquery() for one in (0, 1, 2, 3, 9)]
        both = union_all(*(select(part) for part in parts)).subquery()
        assert ids(session.scalars(select(both.c.call_id))) == k
        inner = select(Sight.call_id).where(sights.c.call_id == f"k{HIDDEN}")
        assert ids(session.scalars(select(Call.id).where(calls.c.id.in_(inner)))) == set()
        found = session.scalars(select(Customer).where(customers.c.code == f"c{SEEN}")).one()
        assert len(found.numbers) == 1


def test_scopes_of_one_shape_share_a_compiled_statement_and_none_of_its_rows(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, *(customer(f"10010{place}", rep=rep) for place, rep in enumerate(("801", "802", "803"))))
    cache: Any = database.engine._compiled_cache

    def read(user: str) -> list[str]:
        with database.open(Scope(user, "121", Span.OWN, frozenset({3}), False, True)) as work:
            return list(work.session.scalars(select(Customer.code).where(Customer.kana == "")))

    assert read("801") == ["100100"]
    compiled = len(cache)
    assert [read("802"), read("803"), read("804"), read("801")] == [["100101"], ["100102"], [], ["100100"]]
    assert len(cache) == compiled, "one statement, found again for each of them"
    database.close()


def test_a_statements_own_values_are_never_taken_for_the_rules(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, *(customer(f"10010{place}", rep=rep) for place, rep in enumerate(("801", "802", "803"))))

    def asked(user: str, rep: str, *joined: str) -> list[str]:
        with database.open(Scope(user, "121", Span.OWN, frozenset({3}), False, True)) as work:
            query = select(Customer.code).where(Customer.rep == rep, Customer.branch == "121", Customer.rep.in_(joined))
            return list(work.session.scalars(query))

    everybody = ("801", "802", "803")
    assert asked("801", "801", *everybody) == ["100100"], "compiled where both are the same"
    for user in everybody:
        for rep in everybody:
            own = [f"10010{everybody.index(user)}"] if user == rep else []
            assert asked(user, rep, *everybody) == own, (user, rep)
    assert asked("802", "802", "801", "803") == []
    database.close()


def test_bulk_changes_reach_only_what_is_admitted(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, sight("mine", LABELS[SEEN]), sight("hidden", LABELS[HIDDEN]))
    with database.open(REP) as work:
        assert work.session.execute(update(Sight).values(open=True)).rowcount == 1  # type: ignore[attr-defined]
    with database.open(REP) as work:
        assert work.session.execute(delete(Sight)).rowcount == 1  # type: ignore[attr-defined]
    with database.open(EVERYTHING) as work:
        assert [(one.call_id, one.open) for one in work.session.scalars(select(Sight))] == [("hidden", False)]


@pytest.mark.parametrize(
    "statement",
    [text("select * from calls"), select(calls.c.id), sights.insert(), sights.delete(), select(text("1"))],
    ids=["text", "core select", "core insert", "core delete", "bare"],
)
def test_what_is_no_orm_statement_is_refused(world: Database, statement: Any) -> None:
    with pytest.raises(gate.Refused), world.open(REP) as work:
        work.session.execute(statement)


def test_the_bare_connection_and_bulk_inserts_are_refused(world: Database) -> None:
    with pytest.raises(gate.Refused), world.open(REP) as work:
        work.session.connection()
    with pytest.raises(gate.Refused), world.open(REP) as work:
        work.session.execute(
            mapping.Sight.__table__.insert() if hasattr(mapping.Sight, "__table__") else sights.insert()
        )


def test_what_would_lie_outside_the_scope_is_not_written(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, customer("mine"), customer("other", rep="802"))
    with database.open(REP) as work:
        work.session.add(customer("new"))
    for code, rep, branch, confidentiality in (("x", "802", "121", 3), ("x", "801", "121", 1)):
        with pytest.raises(NotAllowed), database.open(REP) as work:
            work.session.add(customer(code, rep=rep, branch=branch, confidentiality=confidentiality))
    with pytest.raises(NotAllowed), database.open(REP) as work:
        mine = work.session.get(Customer, "mine")
        assert mine is not None
        mine.rep = "802"
    with database.open(EVERYTHING) as work:
        other = work.session.get(Customer, "other")
        assert other is not None
    with pytest.raises(NotAllowed), database.open(REP) as work:
        work.session.delete(other)
    with database.open(EVERYTHING) as work:
        assert {one.code: one.rep for one in work.session.scalars(select(Customer))} == {
            "mine": "801",
            "new": "801",
            "other": "802",
        }


def test_taken_calls_are_the_users_own(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(
        database,
        *(Taken(user=user, call_id="k", started_at=NOW, extension="1", talk_seconds=1.0) for user in ("801", "802")),
    )
    with database.open(REP) as work:
        assert [one.user for one in work.session.scalars(select(Taken))] == ["801"]


def test_the_servers_own_work_goes_past_the_gate_in_the_same_transaction(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, sight("hidden", LABELS[HIDDEN]))
    with pytest.raises(ZeroDivisionError), database.open(REP) as work:
        work.session.add(customer("new"))
        connection = gate.system(work.session)
        connection.execute(sights.update().values(open=True))
        assert connection.execute(select(customers.c.code)).scalars().all() == ["new"]
        raise ZeroDivisionError
    with database.open(EVERYTHING) as work:
        assert work.session.scalars(select(Sight)).one().open is False
        assert work.session.scalars(select(Customer)).all() == []


def test_a_reading_unit_holds_nobody_up_and_a_writing_one_waits_its_turn(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, customer("a"))
    with database.open(REP) as reader:
        assert reader.session.get(Customer, "a") is not None
        with database.open(REP) as writer:
            found = writer.session.get(Customer, "a")
            assert found is not None
            found.notes = "changed meanwhile"
    with database.engine.connect() as connection:
        assert connection.execute(select(customers.c.notes)).scalar() == "changed meanwhile"


def test_a_change_made_by_what_was_read_before_somebody_elses_change_is_a_conflict(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    put(database, customer("a"))
    with pytest.raises(Conflict), database.open(REP) as late:
        mine = late.session.get(Customer, "a")
        assert mine is not None
        with database.open(REP) as quick:
            theirs = quick.session.get(Customer, "a")
            assert theirs is not None
            theirs.notes = "first"
        mine.notes = "second"
    with database.engine.connect() as connection:
        assert connection.execute(select(customers.c.notes)).scalar() == "first"


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(Unavailable, match="no such table"), database.open(REP) as work:
        work.session.get(Customer, "a")
    with pytest.raises(Unavailable, match="cti db upgrade"):
        database.check()


def test_callbacks_run_after_the_commit_only(tmp_path: Path) -> None:
    database = make_database(tmp_path)
    told: list[str] = []
    with database.open(REP) as work:
        work.after_commit(lambda: told.append("done"))
        assert told == []
    assert told == ["done"]
    with pytest.raises(ZeroDivisionError), database.open(REP) as work:
        work.after_commit(lambda: told.append("never"))
        raise ZeroDivisionError
    assert told == ["done"]


@given(SCOPES, st.sampled_from(["open", "waiting", "team", "done"]), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_statement_is_the_one_that_a_session_makes(
    world: Database, scope: Scope, tab: Any, since: bool, until: bool, after: bool
) -> None:
    """What goes to the driver as it was compiled once has the very rule in it that the gate puts into every query."""
    values = {"now": NOW, "since": NOW - 9.0, "until": NOW + 9.0, "at": NOW, "key": "k", "most": 50}
    asked: list[str] = []
    with world.open(scope) as work:
        connection: Any = gate.system(work.session, writes=False).connection.dbapi_connection
        connection.set_trace_callback(asked.append)
        kinds = [(desk_items._PAGE, desk_items._page, (0, tab, since, until, after))]
        kinds.append((desk_items._COUNT, desk_items._counted, (tab, "call_id", since, until)))
        for kept, build, kind in kinds:
            if desk_items._ranges(scope, "open" if build is desk_items._counted and tab == "done" else tab):
                of_session = work.session.execute(build(scope, *kind), values).all()
                assert [tuple(row) for row in kept.rows(work.session, *kind, **values)] == of_session
                assert asked[-1] == asked[-2] and asked[-1].startswith("SELECT")
        connection.set_trace_callback(None)
