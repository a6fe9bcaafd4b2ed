"""One-time codes: the RFCs' own examples, and the rule of steps."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.identity import totp

SECRET = b"12345678901234567890"
MOMENTS = st.floats(min_value=0, max_value=4e9)


def test_the_codes_are_those_of_rfc_4226_appendix_d() -> None:
    expected = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    assert [totp.code_of(SECRET, step) for step in range(10)] == expected


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_moments_are_those_of_rfc_6238_appendix_b(at: int, code: str) -> None:
    assert totp.code_of(SECRET, totp.step_of(at)) == code


@given(st.binary(min_size=20, max_size=20), MOMENTS, st.integers(-4, 4), st.integers(-4, 4))
def test_a_code_counts_one_step_each_way_and_only_after_the_last_one_used(
    secret: bytes, at: float, drift: int, used: int
) -> None:
    now = totp.step_of(at)
    if now + drift < 0:
        return
    codes = {step: totp.code_of(secret, step) for step in range(max(0, now - 1), now + 2)}
    typed = totp.code_of(secret, now + drift)
    found = totp.step_matching(secret, typed, at, now + used)
    allowed = [step for step, code in codes.items() if code == typed and step > now + used]
    assert found == (max(allowed) if allowed else None)
    if abs(drift) <= 1 and drift > used:
        assert found is not None


@pytest.mark.parametrize("typed", ["287 082", " 287082", "２８７０８２", "287\u3000082"])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert totp.step_matching(SECRET, typed, 59, 0) == 1


@pytest.mark.parametrize("typed", ["", "28708", "2870822", "28708é", "\ud800", "abcdef"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    assert totp.step_matching(SECRET, typed, 59, 0) is None


def test_an_app_is_given_the_same_secret_twice() -> None:
    address = urlsplit(totp.address(SECRET, "yamada taro", "Yobirin"))
    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", "/Yobirin:yamada%20taro")
    values = parse_qs(address.query)
    assert values["issuer"] == ["Yobirin"]
    assert values["secret"] == [totp.shown(SECRET).replace(" ", "")]
    assert base64.b32decode(values["secret"][0]) == SECRET


def test_recovery_codes_are_ten_all_different_and_no_codes_of_an_app() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(map(totp.recovery_key, codes))) == 10
    assert all(totp.like_recovery_code(code) for code in codes)
    assert totp.recovery_key(codes[0].upper().replace("-", " ")) == totp.recovery_key(codes[0])
