"""A reviewer's counts are those of the calls that they may see, whatever their scope; and the list holds as many."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cti_adapters.storage.schema import sights
from cti_adapters.storage.schema_compliance import standings
from cti_server.compliance.desk import ComplianceDesk
from cti_server.compliance.standing import shown
from cti_server.compliance.views import STANDINGS, CoverageQuery, Tally
from cti_server.shared.scope import Label, Scope, Span
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound

TODAY = int((NOW + 9 * 3600) // 86400)
FIRM = [(branch, rep, one) for branch in ("121", "122") for rep in ("801", "802", "803") for one in (1, 2, 3)]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    made = Office(tmp_path_factory.mktemp("coverage"))
    for number, (branch, rep, one) in enumerate(FIRM):
        code, caller = f"7{number:05}", f"+81312340{number:03}"
        made.put(customer(code, caller, rep=rep, branch=branch, confidentiality=one))
        for ago in (1, 5, 20, 30, 60):
            call = inbound(100 * number + ago, caller, at=NOW - ago * 3600 - number)
            made.rings(call)
            if (number + ago) % 3 == 0:
                with made.desk(
                    replace(viewer(rep, branch=branch), scope=Scope(rep, branch, Span.ALL, frozenset({1, 2, 3})))
                ) as desk:
                    desk.record(None, [call.id], code, "contact", "mail", "spoke", "")
    made.rings(inbound(9000, "+81399990000", at=NOW - 600))
    return made


scopes = st.builds(
    Scope,
    st.sampled_from(["801", "803", "900"]),
    st.sampled_from(["121", "122"]),
    st.sampled_from(list(Span)),
    st.frozensets(st.integers(1, 3)),
    st.booleans(),
)
queries = st.builds(
    CoverageQuery,
    st.integers(TODAY - 3, TODAY - 1),
    st.integers(TODAY - 1, TODAY),
    st.sampled_from(["", "121"]),
    st.sampled_from(["", "801", "803"]),
    st.none() | st.integers(1, 3),
    st.sampled_from(["", "missed", "out"]),
    st.just("all"),
)


@settings(max_examples=25, deadline=None)
@given(scopes, queries, st.floats(0, 3 * 86400))
def test_counts_and_list_hold_what_the_rule_admits(
    office: Office, scope: Scope, query: CoverageQuery, later: float
) -> None:
    now = NOW + later
    expected: Counter[str] = Counter()
    with office.database.engine.connect() as connection:
        labels = {
            (row.call_id, row.branch, row.rep or ""): Label(row.kind, row.branch, row.rep, row.confidentiality)
            for row in connection.execute(select(sights))
        }
        for row in connection.execute(select(standings)):
            label = labels[row.call_id, row.branch, row.rep]
            fits = query.first <= row.day <= query.last and query.branch in ("", row.branch)
            fits = fits and query.rep in ("", row.rep) and query.kind in ("", row.kind)
            if fits and query.confidentiality in (None, label.confidentiality) and scope.admits(label):
                expected[shown(row.state, row.due_at, now)] += 1
    who = replace(viewer("900", role="compliance reviewer"), scope=scope)
    with office.database.open(scope) as work:
        unit: Any = work
        desk = ComplianceDesk(unit, who, _At(now))
        seen = desk.coverage(query, TODAY)
        listed = Counter(row.standing for row in desk.calls(query, limit=500).rows)
        pages, cursor = [], None
        while True:
            page = desk.calls(query, cursor, limit=7)
            pages += [row.id for row in page.rows]
            cursor = page.next
            if cursor is None:
                break
    assert _counts(seen.total) == +expected == +listed
    assert len(pages) == len(set(pages)) == expected.total()
    for parts in (seen.by_class.values(), [one.tally for one in seen.by_rep]):
        assert sum((_counts(tally) for tally in parts), Counter()) == +expected


def _counts(tally: Tally) -> Counter[str]:
    return +Counter({name: getattr(tally, name) for name in STANDINGS})


class _At:
    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at
