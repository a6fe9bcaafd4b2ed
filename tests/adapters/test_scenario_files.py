"""Scenario files: the shipped ones come out as they say, the schema is the one that is shipped, faults name their
line; and the command that lists, checks and serves them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cti_server.cli import main
from cti_server.commands.simulate import check, sentences, shipped
from cti_simulators.faults import Faults
from cti_simulators.rehearsal import Rehearsal, told
from cti_simulators.scenarios import ScenarioError, load, loads, schema

FOLDER = Path(__file__).parents[2] / "config" / "scenarios"
CALL = '[[call]]\nat = 1\nto = "0312345600"\nrings = ["2001"]\n'
WHOLE = {path.stem for path in shipped()} - {"kinds"}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_every_shipped_scenario_comes_out_as_it_says(name: str) -> None:
    file = load(FOLDER / f"{name}.toml")
    assert file.title and all(call.title and call.expect for call in file.call)
    assert not sentences(check(file))


def features(call: Mapping[str, Any]) -> set[str]:
    """What is special about a call, from the truth of a recording or from what a scenario expects."""
    found = {f"{call['direction']}, {call['disposition']}", f"hung up by {call.get('hangup_by') or 'nobody knows'}"}
    for name in ("queue", "answered_by_number", "attempted_extensions", "transferred_to", "presented_number"):
        if call.get(name):
            found.add(f"with {name}, {call['disposition']}")
    for name in ("caller_name", "voicemail_left"):
        if call.get(name):
            found.add(f"with {name}")
    if not call.get("caller_number"):
        found.add(f"withheld, {call['disposition']}")
    if len(call.get("rang_extensions") or []) > 1:
        found.add(f"rang several, {call['disposition']}")
    if call["disposition"] == "answered" and call.get("final_extension") not in (
        call.get("answered_by_extension"),
        None,
        "",
    ):
        found.add(f"{call['direction']}, another talked last")
    return found


def test_what_happens_in_recordings_happens_in_a_shipped_scenario() -> None:
    """Every disposition, way and end of the recorded calls; a recording of something else shows what is missing."""
    meant = [expect for name in WHOLE for call in load(FOLDER / f"{name}.toml").call for _, _, expect in call.meant]
    there = set().union(*(features(call) for call in meant))
    for folder in sorted((FOLDER.parents[1] / "tests" / "golden").glob("*/truth.json")):
        for call in json.loads(folder.read_text("utf-8")):
            missing = features(call) - there
            assert not missing, f"no scenario shows what happens in {folder.parent.name}: {', '.join(sorted(missing))}"


@pytest.mark.parametrize(
    "faults",
    [Faults(piece_bytes=3), Faults(split_characters=True), Faults(together_seconds=0.4), Faults(garbage=0.3)],
    ids=["tiny", "split", "together", "garbage"],
)
def test_how_the_bytes_travel_changes_nothing(faults: Faults) -> None:
    for name in ("names", "attended-transfer", "queue"):
        assert not sentences(check(load(FOLDER / f"{name}.toml"), faults))


def test_the_same_file_and_seed_give_the_same_bytes() -> None:
    file = load(FOLDER / "queue.toml")

    def sent(seed: int) -> list[tuple[float, bytes]]:
        played = Rehearsal(file, Faults(garbage=0.5, duplicate=0.2), seed)
        played.play()
        return [(each.at, each.data) for each in played.sent]

    assert sent(3) == sent(3) != sent(4)


def test_the_schema_is_the_one_that_is_shipped() -> None:
    assert (FOLDER.parents[1] / "docs" / "scenario.schema.json").read_text("utf-8") == schema()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CALL + "talk = inf\n", "f, line 5: talk is inf: it would never end"),
        (CALL + "\n" + CALL + "ring = 90000\n", "f, line 10: ring is 90000: it would never end"),
        (CALL + 'outcome = "lost"\n', "f, line 5: outcome: Input should be 'answered'"),
        (CALL + CALL.replace("2001", "2009"), "f, line 5: there is no extension 2009; there are 2001, 2002"),
        (CALL + '[call.expect]\nanswered = true\ndispositon = "busy"\n', "f, line 7: a call has no “dispositon”"),
        (CALL + '[[exchange]]\ndoes = "explode"\nat = 1\n', "f, line 6: does: Input should be 'cut', 'half-open'"),
        (CALL + '[[exchange]]\ndoes = "cut"\nwhen = 1\nat = 2\n', "f, line 7: there is no “when”; there are does"),
        ("", "f, line 1: a scenario file holds one or more [[call]] tables"),
        ("call = []\n", "a scenario file holds one or more [[call]] tables"),
        ("[[call]\n", "f: this is not TOML"),
        (CALL.replace('rings = ["2001"]', 'kind = "queue"\nqueue = "none"'), "f, line 1: there is no queue none"),
    ],
)
def test_a_fault_is_a_sentence_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as problem:
        loads(text, "f")
    assert said in str(problem.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ScenarioError) as problem:
        loads(CALL + "talk = -1\nring = -1\n", "f")
    assert [line.partition(":")[0] for line in str(problem.value).splitlines()] == ["f, line 6", "f, line 5"]


def test_a_rehearsal_that_cannot_be_played_says_why() -> None:
    assert told({"text": CALL + "talk = nan\n", "name": "mine"})["fault"].startswith("mine, line 5: talk is nan")


def test_the_command_says_where_reading_and_meaning_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(CALL + 'title = "mine"\n[call.expect]\ndisposition = "busy"\ntalk_seconds = 20\n')
    assert main(["simulate", "--check", str(path), "answered"]) == 1
    out = capsys.readouterr().out
    assert "call 1 (mine): disposition is 'answered', expected 'busy'" in out and "talk_seconds" not in out
    assert "answered: as expected (2 calls)" in out


def test_the_command_lists_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == WHOLE | {"kinds"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "none.toml"], "none.toml: the scenarios can't be read"),
        (["--scenario", "answered", "--fault", "dragons"], "there is no fault “dragons”"),
        (["--load", "0"], "--load and --seconds take numbers above 0"),
    ],
)
def test_the_command_says_what_cannot_be_done(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 1
    assert said in capsys.readouterr().err
