"""What a viewer sees of the corrections of a call (spec C2, C4)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cti_server.calls import corrected
from cti_server.calls.corrected import BY_FOLDING
from cti_server.calls.desk_receiving import BY_HAND
from cti_server.calls.ports import CorrectionEntry, SeenCall
from cti_server.calls.showing import Names
from cti_server.calls.views import CorrectionRow
from cti_server.shared.scope import Label

SEES = SimpleNamespace(admits=lambda label: True)
BLIND = SimpleNamespace(admits=lambda label: False)
NAMES = Names(
    {},
    cast(
        Any,
        {
            "801": SimpleNamespace(name="山田", scope=SEES),
            "804": SimpleNamespace(name="別", scope=BLIND),
            "805": SimpleNamespace(name="岡本", scope=BLIND),
        },
    ),
)
SEEN = cast(SeenCall, SimpleNamespace(labels=[Label("customer", "121", "801", 3)], receiver="805"))


def shown(by: str = "801", why: str = BY_HAND, whole: bool = False, **fields: Any) -> CorrectionRow:
    return corrected.shown(CorrectionEntry(5.0, by, why, "changed", fields), NAMES, SEEN, whole=whole)


def test_numbers_are_masked_wherever_one_may_stand_unless_they_are_needed() -> None:
    fields: dict[str, Any] = {
        "party_e164": [None, "+81355550101"],
        "caller_number": ["0355550101", None],
        "caller_name": ["Suzuki", None],
        "transferred_to": [[], ["2002", "09055550101"]],
        "ring_seconds": [None, 7],
        "linkedids": [["1"], ["2"]],
    }
    masked = shown(**fields)
    assert "5555" not in repr(masked) and "Suzuki" not in repr(masked)
    assert [name for name, _was, _now in masked.fields] == ["caller_number", "transferred_to", "ring_seconds"]
    whole = {name: (was, now) for name, was, now in shown(whole=True, **fields).fields}
    assert whole["caller_number"] == ("0355550101", None) and whole["caller_name"] == ("Suzuki", None)
    assert whole["transferred_to"] == ([], ["2002", "09055550101"])


@pytest.mark.parametrize(
    ("by", "why", "name"),
    [
        ("801", BY_HAND, "山田"),
        ("804", BY_HAND, ""),
        ("804", BY_FOLDING, "別"),
        ("root", "mended", "root"),
        ("", "x", ""),
    ],
)
def test_a_colleague_is_named_where_they_see_what_the_viewer_sees(by: str, why: str, name: str) -> None:
    assert shown(by, why).by_name == name
    assert shown(receiver=["804", "801"]).fields == [("receiver", "", "山田")]


def test_who_took_the_call_by_now_is_named_as_the_call_itself_names_them() -> None:
    assert shown(receiver=["804", "805"]).fields == [("receiver", "", "岡本")]
