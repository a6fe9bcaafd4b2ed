"""The page on which profiles are tried: what fits, what each field comes out as, and that nothing is kept."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from cti_adapters.profile_trial import as_lines, tried
from cti_adapters.profiles import FOLDER, profiles, shipped
from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Reader
from tests.web.pages import REP, FakeAccounts, make_app
from tests.web.test_pages import FakeDesk

AVAYA = (
    "2026/04/01 09:30:57,00:00:13,7,0355550101,I,299999,299999,,0,1000014160,0,E4750,Suzuki,T9002,LINE 1.2,0,0"
    ",,,,,,,,,,,,,"
)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    app = make_app(tmp_path, FakeDesk(), FakeAccounts(REP))
    app.config["WTF_CSRF_ENABLED"] = False
    made = app.test_client()
    made.set_cookie("yobirin", "en")
    return made


def attempt(client: FlaskClient, **form: str) -> str:
    answer = client.post("/admin/profiles", data=form, headers={"HX-Request": "true", "HX-Target": "y-tried"})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_pasted_lines_name_the_profile_that_fits_and_what_each_field_says(client: FlaskClient) -> None:
    text = client.post("/admin/profiles", data={"lines": AVAYA}).get_data(as_text=True)
    assert re.search(r'y-fits"><li>.*?avaya-ipoffice.*?in the editor', text, re.DOTALL)
    assert '<mark title="caller" >0355550101</mark>' in text
    assert "<dt>external_number</dt><dd>0355550101</dd>" in text
    assert "name = &#34;avaya-ipoffice&#34;" in text
    assert "feed=connect&amp;profile=avaya-ipoffice" in text


def test_a_changed_profile_changes_what_comes_out(client: FlaskClient) -> None:
    source = (FOLDER / "avaya-ipoffice.toml").read_text("utf-8")
    changed = source.replace('ring_seconds = "$ring"\n', "")
    assert "<dt>ring_seconds</dt><dd>7</dd>" in attempt(client, lines=AVAYA, name="avaya-ipoffice", source=source)
    text = attempt(client, lines=AVAYA, name="avaya-ipoffice", source=changed)
    assert "<dt>ring_seconds</dt>" not in text
    assert "ring_seconds comes out as None" in text


def test_a_fault_in_the_profile_is_said_with_its_line_and_the_lines_stay(client: FlaskClient) -> None:
    source = (FOLDER / "avaya-ipoffice.toml").read_text("utf-8").replace('title = "', 'titel = "', 1)
    text = attempt(client, lines=AVAYA, name="mine", source=source)
    assert "did you mean" in text
    assert 'data-goto-line="4"' in text
    assert "avaya-ipoffice" in text


def test_lines_that_no_profile_reads_get_a_way_on(client: FlaskClient) -> None:
    assert "No profile reads these lines" in attempt(client, lines="good morning\nhow do you do\n")


def test_an_uploaded_file_stands_in_the_field(client: FlaskClient) -> None:
    file = (io.BytesIO(AVAYA.encode() + b"\r\n"), "smdr.log")
    text = client.post("/admin/profiles", data={"file": file}).get_data(as_text=True)
    assert "<dt>extension</dt><dd>4750</dd>" in text


def test_what_is_too_long_is_refused_with_a_sentence(client: FlaskClient) -> None:
    assert "at most 200,000 characters" in attempt(client, lines="x" * 200_001)


def test_nothing_of_the_lines_is_kept_or_logged(
    client: FlaskClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        attempt(client, lines=AVAYA)
    assert "0355550101" not in caplog.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"0355550101" not in file.read_bytes()


def test_it_takes_the_right_to_look_after_exchanges(tmp_path: Path) -> None:
    app = make_app(tmp_path, FakeDesk(), FakeAccounts(replace(REP, rights=frozenset({"handle"}))))
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.set_cookie("yobirin", "en")
    assert client.get("/admin/profiles").status_code == 403
    assert client.post("/admin/profiles", data={"lines": AVAYA}).status_code == 403


@pytest.mark.parametrize("name", [one.name for one in profiles()])
def test_pieces_of_a_line_are_the_line_and_hold_what_the_fields_say(name: str) -> None:
    profile = shipped()[name]
    for sample in profile.tests:
        for one in tried(profile, sample.text).shown:
            assert any(piece.fields for piece in one.pieces) == bool(one.fields)
            for field in one.fields:
                places = [piece.text for piece in one.pieces if field.name in piece.fields.split(", ")]
                assert not places or not field.text or field.text in "".join(places).replace('""', '"')


@given(st.text(max_size=200), st.sampled_from(profiles()))
def test_whatever_is_pasted_is_taken_apart_without_losing_a_character(text: str, profile: Profile) -> None:
    reader = Reader(profile)
    frames = [frame for frame, _ in [*reader.feed(text.encode(profile.encoding, "replace")), *reader.finish()]]
    shown = tried(profile, text).shown
    assert [one.line for one in shown] == [frame.line for frame in frames][: len(shown)]
    for one, frame in zip(shown, frames, strict=False):
        assert "".join(piece.text for piece in one.pieces) == frame.raw.decode(profile.encoding, "replace")


def test_a_file_in_the_japanese_code_page_is_read() -> None:
    assert as_lines("着信 0355550101\r\n".encode("cp932")) == "着信 0355550101\r\n"
