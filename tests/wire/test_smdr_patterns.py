"""A regular expression that may run away is refused when a profile is loaded; none that ships is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.profiles import source_of
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.patterns import DOUBLED, TOO_MANY, runs_away
from cti_server.shared.errors import SettingsError

FINE = [
    r"(\d+,)*x",
    r'([^"]|"")*',
    r"(ab|ac)*",
    r"(?:,[^,]*){0,10}",
    r".*,.*,x",
    r"(?:(?:PJSIP|SIP)/(?!\d{2,8}(?:@[^;]*)?-)[^;]+?)-[0-9a-f]+",
    r"\d{4}/\d\d/\d\d (\d\d):(\d\d)",
    r"\s*(\d+)\s+(\w+)\s*",
]
RUNAWAYS = [
    r"(a+)+b",
    r"(a|a)*b",
    r"(a|ab|b)*c",
    r"(a*)*",
    r"(\w+\s?)*:",
    r"(.*,){20}x",
    r"(a?b?)*c",
    r"(x+x+)+y",
    r"(([a-z])+.)+[A-Z]",
    r"(?:a{1,10}){1,10}b",
    r"(?i:(ab|A)*)c",
    r"(?=(a+)+b)",
]


def refused(text: str, *, searched: bool = False) -> str:
    return runs_away(re.compile(text, re.DOTALL), searched=searched)


@pytest.mark.parametrize("text", FINE)
def test_what_comes_to_an_end_is_taken(text: str) -> None:
    assert refused(text) == ""


@pytest.mark.parametrize("text", RUNAWAYS)
def test_a_repetition_that_can_be_taken_apart_in_several_ways_is_refused(text: str) -> None:
    assert refused(text) == DOUBLED


def test_only_so_many_repetitions_may_take_the_same_text() -> None:
    assert refused(".*.*x") == "" and refused(".*.*.*x") == TOO_MANY
    assert refused(".*.*x", searched=True) == TOO_MANY and refused("^.*.*x", searched=True) == ""
    assert refused(r"\s*\s*\s*\s*\s*x") == "" and refused(r"\s*\s*\s*\s*\s*\s*x") == TOO_MANY


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[layout]]", "[[layout]]\nwhen = '(a+)+b'"),
        ('as = "integer" }', "as = \"integer\", take = '(a+)+b' }"),
        ("way = 'I'", "way = '(a+)+b'"),
    ],
)
def test_a_profile_with_one_is_refused_with_its_line(old: str, new: str) -> None:
    text = source_of("avaya-ipoffice").partition("[[test]]")[0]
    assert old in text
    with pytest.raises(SettingsError, match=r"mine, line \d+: .* is refused: a repetition in it"):
        parse(text.replace(old, new, 1), "mine")


def test_what_no_engine_can_compile_is_a_sentence() -> None:
    text = source_of("avaya-ipoffice").replace("way = 'I'", "way = 'a{99999999999}'", 1)
    with pytest.raises(SettingsError, match="is no regular expression"):
        parse(text, "mine")


PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "c"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,3}", "{0,40}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=2000)
@given(PIECES)
def test_whatever_is_taken_comes_to_an_end(text: str) -> None:
    if not refused(f"{text}z"):
        for line in ("a" * 60, "ab" * 30, "b" * 60, "c" * 60):
            assert re.fullmatch(f"{text}z", line, re.DOTALL) is None
