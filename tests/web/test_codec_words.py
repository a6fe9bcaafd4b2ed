"""Every sentence of the records' codec is said in the reader's language, with its values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import force_locale

from cti_adapters.profiles import shipped, source_of
from cti_adapters.wire import smdr
from cti_adapters.wire.smdr.checking import misread
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.reading import Reader
from cti_server.calls.events import Unreadable
from cti_server.shared.errors import SettingsError
from cti_web import codec_words, formats
from tests.web.fake_desk import FakeDesk
from tests.web.pages import REP, FakeAccounts, make_app

RAISERS = {"at", "Unfit", "ValueError", "Unreadable"}
BUILT = {"7 7", "7", "it does not look like", "7 is not as it has to be", "7 is refused: 7"}
"""Made of parts that stand elsewhere in the source."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return make_app(tmp_path_factory.mktemp("words"), FakeDesk(), FakeAccounts(REP))


@pytest.fixture(autouse=True)
def _japanese(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(formats, "language", lambda: "ja")
    with app.test_request_context(), force_locale("ja"):
        yield


def text_of(node: ast.expr) -> str:
    """A sentence of the source with something in the place of its values; empty where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(one.value)
            if isinstance(one, ast.Constant)
            else "; did you mean “x”?"
            if "meant(" in ast.unparse(one)
            else "it does not look like"
            if ast.unparse(one) == "f'{UNLIKE}'"
            else "a whole number"
            if "names.get" in ast.unparse(one)
            else "7"
            for one in node.values
        )
    return ""


def sentences() -> list[str]:
    """All that the codec's source says to people."""
    found = set()
    for path in sorted(Path(smdr.__file__).parent.glob("*.py")):
        if path.stem == "writing":
            continue  # of the simulator's records: it speaks in the terminal only
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in RAISERS:
                texts = [text_of(one) for one in node.args]
                said = next((one for one in reversed(texts) if " " in one), "")
                found.add(f"7 (field 3) {said}" if path.stem == "converters" and said else said)
    return sorted(found - BUILT - {""})


@pytest.mark.parametrize("sentence", sentences())
def test_the_source_says_nothing_that_has_no_words(sentence: str) -> None:
    assert codec_words.FORMS.known(sentence), sentence


def test_places_lines_and_hints_are_said_too() -> None:
    assert codec_words.FORMS.said("ring (columns 3–5) is no whole number") == "ring（3～5 桁）が整数ではありません"
    fault = "mine, line 4: there is no key “titel” here; did you mean “title”?"
    assert (
        codec_words.FORMS.said(fault)
        == "mine の 4 行目：ここに「titel」という項目は書けません（「title」の誤りではありませんか）"
    )
    assert codec_words.FORMS.said("something else") == "something else"


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_the_profiles_say_of_strange_lines_has_words(name: str) -> None:
    reader = Reader(shipped()[name])
    sample = shipped()[name].tests[0].text
    for line in (sample[: len(sample) // 2], sample.replace("0", "x"), "nonsense", ",,,,,,", "{", "1" * 200):
        for _frame, reading in [*reader.feed(f"{line}\n\n".encode()), *reader.finish()]:
            if isinstance(reading, Unreadable):
                assert codec_words.FORMS.known(reading.reason), reading.reason


def test_faults_of_a_profile_have_words() -> None:
    text = source_of("avaya-ipoffice")
    for old, new in (
        ('as = "integer"', 'as = "integre"'),
        ("way = 'I'", "wya = 'I'"),
        ("way = 'I'", "way = '(a+)+b'"),
        ("way = 'I'", "way = '('"),
        ('ring_seconds = "$ring"', 'ring_seconds = "$caller"'),
        ('ring_seconds = "$ring"', "ring_seconds = true"),
        ("at = 2", "at = 2, columns = [3]"),
    ):
        with pytest.raises(SettingsError) as fault:
            parse(text.replace(old, new, 1), "mine")
        assert "の " in codec_words.FORMS.said(str(fault.value)), str(fault.value)
    for said in misread(parse(text.replace('ring_seconds = "$ring"\n', ""), "mine")):
        assert "になります" in codec_words.FORMS.said(said)
