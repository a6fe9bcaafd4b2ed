"""What is wrong with a scenario file is said in the reader's language, with its values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import force_locale

from cti_simulators import scenarios
from cti_simulators.scenarios import ScenarioError, loads
from cti_web import formats
from cti_web.scenario_words import FORMS
from tests.web.fake_desk import FakeDesk
from tests.web.pages import REP, FakeAccounts, make_app

CALL = '[[call]]\nto = "0312345600"\nrings = ["2001"]\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(tmp_path_factory.mktemp("words"), FakeDesk(), FakeAccounts(REP))


@pytest.fixture(autouse=True)
def _japanese(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(formats, "language", lambda: "ja")
    with app.test_request_context(), force_locale("ja"):
        yield


def sentences() -> list[str]:
    """All that the source says of a call that can't be played, with a 7 in the place of each value."""
    found = set()
    for node in ast.walk(ast.parse(Path(scenarios.__file__).read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ValueError":
            (said,) = node.args
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "7" for one in parts))
    return sorted(found)


@pytest.mark.parametrize("sentence", sentences())
def test_the_source_says_nothing_that_has_no_words(sentence: str) -> None:
    assert FORMS.known(sentence), sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            CALL + "talk = inf\n",
            "talk が inf では終わりません。シナリオは長くても 86400 秒（1 日）です",
        ),
        (CALL + "at = -1\n", "own.toml の 4 行目：at は 0 以上にしてください"),
        (CALL + "name = 3\n", "own.toml の 4 行目：name は引用符で囲んだ文字列にしてください"),
        (CALL + 'at = "x"\n', "own.toml の 4 行目：at は数にしてください"),
        (CALL + "hold = [1]\n", "own.toml の 4 行目：hold.1 がありません"),
        (CALL + 'transfer = {to = "2002", kind = "x"}\n', "transfer.kind に書けるのは 'blind' or 'attended' です"),
        (CALL.replace("2001", "2999"), "内線 2999 はありません。あるのは 2001, 2002, 2003, 2004 です"),
        ("seed = 1\n", "own.toml の 1 行目：シナリオファイルには [[call]] の表が 1 つ以上必要です"),
        (CALL + "oh\n", "own.toml の 4 行目 3 文字目：TOML として読めません"),
    ],
)
def test_a_fault_names_file_line_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as fault:
        loads(text, "own.toml")
    assert said in FORMS.said(str(fault.value))
