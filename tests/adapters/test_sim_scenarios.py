"""Scenario files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti_simulators.scenarios import Scenario, ScenarioError, Transfer, load, parse
from tests.adapters.sim_rig import play

EXAMPLE = Path(__file__).parents[2] / "config" / "scenarios" / "kinds.toml"


def test_the_example_has_every_kind_and_plays_to_the_end() -> None:
    scenarios = load(EXAMPLE).call
    assert {scenario.kind for scenario in scenarios} == {"phone", "queue", "internal", "outbound"}
    for scenario in scenarios:
        assert play(scenario)[-1].name in ("Hangup", "Cdr")


def test_a_call_from_plain_data() -> None:
    transfer = {"kind": "blind", "to": "2002"}
    made = parse({"to": "0312345600", "rings": ["2001"], "hold": [2, 3], "transfer": transfer})
    assert made == Scenario(to="0312345600", rings=("2001",), hold=(2, 3), transfer=Transfer("blind", "2002"))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"to": "1", "rings": ["2001"], "rnig": 3}, "there is no “rnig”"),
        ({"to": "1", "rings": ["2001"], "ring": -3}, "ring: Input should be greater than or equal to 0"),
        ({"to": "1", "rings": ["2001"], "ring": "soon"}, "ring: Input should be a valid number"),
        ({"to": "1", "rings": ["2001"], "outcome": "lost"}, "outcome: Input should be 'answered'"),
        ({"to": "1", "kind": "blind", "rings": ["2001"]}, "kind: Input should be 'phone'"),
        ({"to": "1\r\nAction: x", "rings": ["2001"]}, "to: "),
        ({"rings": ["2001"]}, "to is missing"),
        ({"to": "1"}, "needs rings"),
        ({"to": "1", "kind": "queue"}, "needs the queue's name"),
        ({"to": "1", "rings": ["2001"], "by": "2002"}, "2002 can't answer"),
        ({"to": "1", "rings": ["2001"], "hold": [1]}, "hold.1: Field required"),
        ({"to": "1", "rings": ["2001"], "transfer": {"kind": "blind"}}, "transfer.to: Field required"),
        ({"to": "1", "rings": ["2001"], "transfer": {"kind": "phone", "to": "2"}}, "transfer.kind: Input"),
        ({"to": "1", "rings": ["2001"], "transfer": "2002"}, "transfer: Input should be"),
        ({"to": "1", "rings": "2001"}, "rings: Input should be"),
        ({"to": "1", "rings": ["2001"], "outcome": "congestion"}, "a call of kind phone can't end in congestion"),
        ({"to": "1", "rings": ["2001"], "hold": [15, 6]}, "the hold ends 21 s after the answer, the talk after 20 s"),
        ({"to": "1", "kind": "queue", "queue": "q", "hold": [1, 1]}, "a call of kind queue can't be held"),
        (
            {"to": "1", "rings": ["2001"], "transfer": {"kind": "blind", "to": "2002", "after": 30}},
            "the transfer begins 30 s after the answer, the talk ends after 20 s",
        ),
    ],
)
def test_what_cannot_be_played_is_said(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as problem:
        parse(entry, "file, call 2")
    assert said in str(problem.value) and str(problem.value).startswith("file, call 2")


@pytest.mark.parametrize("text", ["", "call = 3", "[[call]]\nto = ", "[other]\n"])
def test_a_file_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"bad\.toml"):
        load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="can't be read"):
        load(tmp_path / "none.toml")
