"""The second factor over a real database: once, in time, throttled, and never in clear."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.sealing import FolderSealer
from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.signin_rows import HalfSignInRow, RecoveryCodeRow, SecondFactorRow
from cti_server.identity import totp
from cti_server.identity.desk import Accounts
from cti_server.identity.factor_ports import SecondStepNeeded
from cti_server.shared.errors import Conflict, Invalid, NotFound, Unavailable, YobirinError
from cti_server.shared.scope import EVERYTHING
from tests.adapters.storage_rig import CheapHasher, FixedClock, make_database

PASSWORD = "correct horse"
HERE = "192.0.2.7"


class Rig:
    def __init__(self, folder: Path, required: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.clock = FixedClock()
        self.database = make_database(folder)
        self.room = self.made(required)
        self.room.set_password("801", PASSWORD)

    def made(self, required: tuple[str, ...] = ()) -> Accounts:
        sealer = FolderSealer(self.folder)
        return accounts(self.database, self.clock, hasher=CheapHasher(), sealer=sealer, required=required)

    def secret(self) -> bytes:
        return base64.b32decode(self.room.second_factors.begin("801").secret.replace(" ", ""))

    def turned_on(self) -> tuple[bytes, list[str]]:
        secret = self.secret()
        codes = self.room.second_factors.turn_on(self.room.viewer("801"), self.code(secret))
        self.clock.at += 60
        return secret, codes

    def code(self, secret: bytes, steps: int = 0) -> str:
        return totp.code_of(secret, totp.step_of(self.clock.at) + steps)

    def half(self, password: str = PASSWORD) -> SecondStepNeeded:
        with pytest.raises(SecondStepNeeded) as more:
            self.room.sign_in("801", password, HERE)
        return more.value


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.database.close()


def test_it_is_on_only_once_the_app_shows_its_codes(rig: Rig) -> None:
    secret = rig.secret()
    assert rig.secret() == secret  # a page may be loaded again
    viewer = rig.room.viewer("801")
    with pytest.raises(Invalid, match="not right"):
        rig.room.second_factors.turn_on(viewer, "000000" if rig.code(secret) != "000000" else "111111")
    rig.room.sign_in("801", PASSWORD, HERE)
    codes = rig.room.second_factors.turn_on(viewer, rig.code(secret))
    assert len(codes) == 10
    assert rig.room.second_factors.state(viewer) == (rig.clock.at, 10, False)
    with pytest.raises(Conflict):
        rig.room.second_factors.begin("801")


def test_a_right_password_alone_opens_nothing(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    half = rig.half()
    assert half.step == "code"
    assert rig.room.viewer_of(half.token) is None
    assert rig.room.by_token(half.token) is None
    token = rig.room.second_step(half.token, rig.code(secret), HERE)
    assert token != half.token
    viewer = rig.room.viewer_of(token)
    assert viewer is not None and viewer.id == "801"
    with pytest.raises(Invalid, match="took too long"):
        rig.clock.at += 30
        rig.room.second_step(half.token, rig.code(secret), HERE)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_counts_once_and_with_it_all_before_it(rig: Rig, steps: int) -> None:
    secret, _codes = rig.turned_on()
    code = rig.code(secret, steps)
    rig.room.second_step(rig.half().token, code, HERE)
    for used in (code, rig.code(secret, steps - 1)):
        with pytest.raises(Invalid) as refused:
            rig.room.second_step(rig.half().token, used, HERE)
    assert refused.value.code in ("code-used", "wrong-code")


def test_the_code_that_turned_it_on_is_used_up(rig: Rig) -> None:
    secret = rig.secret()
    rig.room.second_factors.turn_on(rig.room.viewer("801"), rig.code(secret))
    with pytest.raises(Invalid, match="used before"):
        rig.room.second_step(rig.half().token, rig.code(secret), HERE)


@pytest.mark.parametrize("steps", [-2, 2, 10])
def test_a_clock_that_is_too_far_off_is_told(rig: Rig, steps: int) -> None:
    secret, _codes = rig.turned_on()
    rig.clock.at += 600
    with pytest.raises(Invalid, match="clock"):
        rig.room.second_step(rig.half().token, rig.code(secret, steps), HERE)


def test_of_two_at_once_with_one_code_one_gets_in(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    halves = [rig.half().token for _ in range(4)]
    code = rig.code(secret)

    def tried(half: str) -> bool:
        try:
            rig.room.second_step(half, code, HERE)
        except YobirinError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(tried, halves)) == 1


def test_a_recovery_code_lets_in_once(rig: Rig) -> None:
    _secret, codes = rig.turned_on()
    rig.room.second_step(rig.half().token, f" {codes[3].upper()} ", HERE)
    assert rig.room.second_factors.state(rig.room.viewer("801")).left == 9
    with pytest.raises(Invalid, match="each counts once"):
        rig.room.second_step(rig.half().token, codes[3], HERE)


def test_new_recovery_codes_replace_the_others(rig: Rig) -> None:
    secret, codes = rig.turned_on()
    fresh = rig.room.second_factors.new_recovery(rig.room.viewer("801"), rig.code(secret))
    with pytest.raises(Invalid):
        rig.room.second_step(rig.half().token, codes[0], HERE)
    rig.room.second_step(rig.half().token, fresh[0], HERE)


def test_codes_are_throttled_however_often_the_password_is_given(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    wrong = "000000" if "000000" not in [rig.code(secret, steps) for steps in (-1, 0, 1)] else "999999"
    waits = 0
    for _ in range(40):
        half = rig.half()
        try:
            rig.room.second_step(half.token, wrong, HERE)
        except Unavailable:
            waits += 1
            rig.clock.at += 1
        except Invalid:
            pass
    assert waits > 25


def test_a_half_sign_in_is_over_after_ten_minutes_and_with_the_user(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    late = rig.half().token
    rig.clock.at += 601
    with pytest.raises(Invalid, match="took too long"):
        rig.room.second_step(late, rig.code(secret), HERE)
    for end in (lambda: rig.room.set_password("801", PASSWORD), lambda: rig.room.set_active("801", False)):
        token = rig.half().token
        end()
        with pytest.raises(Invalid, match="took too long"):
            rig.room.second_step(token, rig.code(secret), HERE)


def test_off_takes_password_and_code(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    viewer = rig.room.viewer("801")
    with pytest.raises(Invalid, match="password"):
        rig.room.second_factors.turn_off(viewer, "wrong", rig.code(secret))
    with pytest.raises(Invalid, match="code"):
        rig.room.second_factors.turn_off(viewer, PASSWORD, rig.code(secret, 5))
    rig.room.second_factors.turn_off(viewer, PASSWORD, rig.code(secret))
    rig.room.sign_in("801", PASSWORD, HERE)
    with rig.database.open(EVERYTHING) as work:
        assert work.session.scalars(select(RecoveryCodeRow)).all() == []


def test_a_role_can_require_it_and_then_it_is_set_up_at_the_door(tmp_path: Path) -> None:
    rig = Rig(tmp_path, required=("rep",))
    half = rig.half()
    assert half.step == "set-up"
    secret = rig.secret()
    with pytest.raises(Invalid):  # what was made to set up does for nothing else
        rig.room.second_step(half.token, rig.code(secret), HERE)
    token, codes = rig.room.set_up_step(half.token, rig.code(secret), HERE)
    viewer = rig.room.viewer_of(token)
    assert viewer is not None and len(codes) == 10
    rig.clock.at += 30
    assert rig.half().step == "code"
    with pytest.raises(Invalid, match="can't do without"):
        rig.room.second_factors.turn_off(viewer, PASSWORD, rig.code(secret))
    rig.database.close()


def test_an_administrator_resets_it_and_the_sessions_end(rig: Rig) -> None:
    secret, _codes = rig.turned_on()
    token = rig.room.second_step(rig.half().token, rig.code(secret), HERE)
    assert rig.room.second_factors.on() == {"801": rig.clock.at - 60}
    rig.room.second_factors.reset("801", by="700")
    assert rig.room.viewer_of(token) is None
    rig.room.sign_in("801", PASSWORD, HERE)
    assert rig.secret() != secret
    with pytest.raises(NotFound):
        rig.room.second_factors.reset("nobody")
    with pytest.raises(Invalid):
        rig.room.second_factors.reset("802")
    with rig.database.open(EVERYTHING) as work:
        acts = [(row.act, row.user) for row in work.session.scalars(select(mapping.Audit).order_by(mapping.Audit.id))]
    assert ("second-factor-reset", "700") in acts


def test_nothing_of_it_lies_in_clear_in_the_database(rig: Rig) -> None:
    secret, codes = rig.turned_on()
    half = rig.half().token
    with rig.database.open(EVERYTHING) as work:
        rows = [
            *(row.sealed for row in work.session.scalars(select(SecondFactorRow))),
            *(row.key for row in work.session.scalars(select(RecoveryCodeRow))),
            *(row.token_hash for row in work.session.scalars(select(HalfSignInRow))),
        ]
    kept = " ".join(rows)
    assert base64.b32encode(secret).decode() not in kept and base64.b64encode(secret).decode() not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert half not in kept


def test_a_secret_is_opened_by_its_key_and_for_its_user_only(tmp_path: Path) -> None:
    sealer = FolderSealer(tmp_path)
    sealed = sealer.seal(b"secret", "second factor of 801")
    assert FolderSealer(tmp_path).open(sealed, "second factor of 801") == b"secret"
    key = tmp_path / "secrets" / "signin.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(Unavailable):
        sealer.open(sealed, "second factor of 802")
    key.unlink()
    with pytest.raises(Unavailable, match="is another"):
        FolderSealer(tmp_path).open(sealed, "second factor of 801")
    key.write_bytes(b"short")
    with pytest.raises(Unavailable, match="damaged"):
        FolderSealer(tmp_path).open(sealed, "second factor of 801")
