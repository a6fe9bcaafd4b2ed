"""How calls stand is kept as they, their customers, records and exemptions change; and the counts with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from cti_adapters.storage import mapping, recounting
from cti_adapters.storage.call_rows import as_log, as_row
from cti_adapters.storage.correcting import correct
from cti_adapters.storage.directory import Directory
from cti_adapters.storage.policy_rows import InForce
from cti_adapters.storage.schema_compliance import coverage, exemptions, policies, standings
from cti_adapters.storage.standing_rows import restand
from cti_adapters.storage.work import writing
from cti_server.cli import main
from cti_server.compliance.rules import Policy, Rule
from cti_server.compliance.standing import Facts, Record, Seen, rows_of
from cti_server.compliance.versions import as_json
from cti_server.shared.people import CustomerNumber
from cti_server.shared.scope import EVERYTHING, Scope, Span
from cti_server.shared.viewer import RIGHTS, Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound, outbound

ONE, OTHER, SHARED, UNKNOWN = "+81312340000", "+81312349999", "+81377778888", "+81399990000"
NUMBERS = [ONE, OTHER, SHARED, UNKNOWN, None]


def firm(folder: Path) -> Office:
    office = Office(folder)
    office.put(
        customer("100101", ONE, SHARED),
        customer("100102", OTHER, rep="802", confidentiality=1),
        customer("100103", SHARED, rep="803", branch="122", confidentiality=2),
    )
    return office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return firm(tmp_path)


def kept(office: Office) -> Counter[tuple[Any, ...]]:
    """Every count that there is."""
    with office.database.engine.connect() as connection:
        rows = connection.execute(select(coverage)).all()
    assert all(row.n > 0 for row in rows)
    return Counter({tuple(row)[:-1]: row.n for row in rows})


def counted(office: Office) -> Counter[tuple[Any, ...]]:
    """The same, of all calls anew, from what the desk's tables hold."""
    found: Counter[tuple[Any, ...]] = Counter()
    with office.database.open(EVERYTHING) as work:
        session = work.session
        holds = InForce(session.connection())
        exempt = set(session.connection().execute(select(exemptions.c.call_id)).scalars())
        sights, records = session.query(mapping.Sight).all(), session.query(mapping.History).all()
        links = session.query(mapping.HistoryCall).all()
        for call in session.query(mapping.Call):
            if call.state != "ended" or call.direction == "internal":
                continue
            seen = [
                Seen(one.label, one.customer_code, one.match == "exact")
                for one in sorted(sights, key=lambda one: one.rank)
                if one.call_id == call.id
            ]
            mine = {link.history_id for link in links if link.call_id == call.id}
            said = [Record(one.result, one.note) for one in records if one.id in mine and not one.undone]
            kind: Any = "out" if call.direction == "out" else "answered" if call.answered else "missed"
            lasted = call.talk_seconds if call.answered else 0.0 if kind == "out" else call.ended_at - call.started_at
            facts = Facts(kind, lasted, call.started_at, call.ended_at)
            version = holds.version(call.started_at)
            rows = rows_of(
                facts, seen, said, call.id in exempt, version.policy, lambda b, v=version: holds.calendar(v, b)
            )
            for row in rows:
                due = int(row.due_at // 3600) if row.state == "open" and row.due_at else 0
                stands = (row.label.branch, row.label.rep or "", row.label.confidentiality or 9)
                found[(row.day, *stands, row.kind, row.state, due)] += 1
    return found


def states(office: Office) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with office.database.engine.connect() as connection:
        for row in connection.execute(select(standings).order_by(standings.c.id)):
            found.setdefault(row.call_id, []).append(row.state)
    return found


def acts(office: Office, chosen: st.DataObject) -> None:
    """One thing that happens at the firm."""
    draw = chosen.draw
    with office.database.engine.connect() as connection:
        ids = list(connection.execute(select(mapping.Call.id).order_by(mapping.Call.id)).scalars())
    act = draw(
        st.sampled_from(["rings", "rings", "calls", "record", "undo", "move", "number", "rules", "exempt", "gone"])
    )
    number = draw(st.integers(1, 40))
    when = NOW - draw(st.sampled_from([600, 5 * 3600, 30 * 3600, 90 * 3600])) - number
    if act == "rings":
        taker = draw(st.none() | st.just("2001"))
        state = draw(st.sampled_from(["ended", "ended", "ringing"]))
        log = inbound(number, draw(st.sampled_from(NUMBERS)), at=when, taker=taker)
        if state == "ringing":
            log.state, log.ended_at, log.disposition = "ringing", None, None
        office.rings(log)
    elif act == "calls":
        office.rings(outbound(number, draw(st.sampled_from(NUMBERS[:4])), at=when))
    elif act == "move":
        code = draw(st.sampled_from(["100101", "100102", "100103"]))
        with office.desk(chief()) as desk:
            fields = {"branch": draw(st.sampled_from(["121", "122"])), "confidentiality": draw(st.sampled_from("123"))}
            fields["rep"] = draw(st.sampled_from(["801", "802"]))
            desk.change_customer(code, fields, desk.customer(code).version)
    elif act == "number":
        with office.database.open(EVERYTHING, write=True) as work:
            Directory(work.session).add_number("100102", CustomerNumber(UNKNOWN, UNKNOWN, "landline"), NOW)
    elif act == "rules":
        rule = Rule(
            "A",
            wants=frozenset({"result"}),
            kinds=frozenset(draw(st.sets(st.sampled_from(["missed", "answered", "out"]), min_size=1))),
        )
        body = as_json(Policy((rule,)))
        with writing(office.database.engine).begin() as connection:
            known = len(connection.execute(select(policies.c.version)).all())
            connection.execute(
                insert(policies), {"version": known + 1, "since": NOW - 40 * 3600, "at": NOW, "by": "", "body": body}
            )
            restand(connection, ids)
    elif ids and act == "exempt":
        with writing(office.database.engine).begin() as connection:
            call = draw(st.sampled_from(ids))
            row = {"call_id": call, "reason": "x", "state": "approved", "asked_by": "a", "asked_at": NOW}
            connection.execute(insert(exemptions), row)
            restand(connection, [call])
    elif ids and act == "record":
        call = draw(st.sampled_from(ids))
        with office.desk(chief()) as desk:
            who = desk.call(call).row.who
            code = who[0].code if who else None
            desk.record(None, [call], code, "contact", "mail", draw(st.sampled_from(["", "spoke"])), "note")
    elif act == "undo":
        with office.database.open(EVERYTHING) as work:
            last = work.session.query(mapping.History).order_by(mapping.History.id.desc()).first()
            if last is not None:
                work.records.undo_history(last.id, NOW)
    elif ids and act == "gone":
        call = draw(st.sampled_from(ids))
        with office.database.open(EVERYTHING) as work:
            before = as_row(as_log(work.session.get(mapping.Call, call)))
        list(
            correct(
                writing(office.database.engine), office.clock, "hq", [(call, "taken-away", before, None)], by="", why=""
            )
        )


def chief() -> Viewer:
    scope = Scope("700", "121", Span.ALL, frozenset({1, 2, 3}), True, True)
    return replace(viewer("700"), scope=scope, rights=frozenset(RIGHTS))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_counts_are_those_of_a_recount_whatever_happened(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        office = firm(Path(folder))
        for _ in range(data.draw(st.integers(3, 12))):
            acts(office, data)
        assert kept(office) == counted(office)
        office.database.close()


def test_a_recount_that_was_ended_goes_on_and_comes_to_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "LOT", 2)
    office.rings(*(inbound(number, "0312340000", at=NOW - 9000 + number) for number in range(7)))
    before = kept(office)
    engine = writing(office.database.engine)
    with engine.begin() as connection:
        connection.execute(delete(coverage))
        connection.execute(delete(standings))
    recounting.ask(engine, None, NOW)
    (job,) = recounting.pending(engine)
    assert next(recounting.recount(engine, job, NOW)).done == 2  # and the machine goes off
    (job,) = recounting.pending(engine)
    told = list(recounting.recount(engine, job, NOW))
    assert told[-1] == (7, 7, 7) and recounting.pending(engine) == []
    assert kept(office) == before


def test_the_command_does_what_waits(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    office.rings(inbound(1, "0312340000"))
    config = tmp_path / "cti.toml"
    config.write_text(f'[server]\ndata_dir = "{tmp_path}"\n')
    assert main(["compliance", "recompute", "--config", str(config)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["compliance", "recompute", "--all", "--config", str(config)]) == 0
    assert "1 calls were looked at, 0 stand otherwise" in capsys.readouterr().out
