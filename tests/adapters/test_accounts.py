from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.passwords import Argon2
from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.work import Database
from cti_server.identity.accounts import ROLES, Role, User
from cti_server.identity.desk import Accounts
from cti_server.identity.sessions import SessionPolicy
from cti_server.shared.errors import Invalid, NotFound, Unavailable
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.storage_rig import CheapHasher, FixedClock, make_database

PASSWORD = "correct horse"


class Rig:
    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.clock = FixedClock()
        self.hasher = CheapHasher()
        self.woken: list[int] = []
        self.accounts: Accounts = accounts(
            self.database, self.clock, SessionPolicy(3600, 12 * 3600), hasher=self.hasher, wake=self.woken.extend
        )
        self.accounts.set_password("801", PASSWORD)

    def ended(self) -> list[str]:
        with self.database.open(EVERYTHING) as work:
            rows = work.session.scalars(select(mapping.Outbox).where(mapping.Outbox.kind == "session_ended"))
            return [row.body["session"] for row in rows]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_new_database_has_the_roles_of_the_spec(rig: Rig) -> None:
    assert rig.accounts.roles() == sorted(ROLES, key=lambda role: role.name)


def test_signing_in_makes_a_session_that_says_who_it_is(rig: Rig) -> None:
    token = rig.accounts.sign_in("８０１ ", PASSWORD, "10.0.0.1")  # full width, as a Japanese keyboard types it
    viewer = rig.accounts.viewer_of(token)
    assert viewer is not None
    assert (viewer.id, viewer.branch_name, viewer.timezone) == ("801", "本店営業部", "Asia/Tokyo")
    assert viewer.scope.span is Span.OWN
    assert viewer.extensions == (("hq", "2001"),)
    with rig.database.open(EVERYTHING) as work:
        kept = work.session.scalars(select(mapping.Session.token_hash)).all()
    assert token not in kept and len(kept) == 1
    assert rig.accounts.viewer_of("another token") is None


@pytest.mark.parametrize(
    ("login", "password"), [("801", "wrong"), ("nobody", PASSWORD), ("802", ""), ("802", PASSWORD)]
)
def test_every_wrong_sign_in_reads_the_same_and_takes_a_hash(rig: Rig, login: str, password: str) -> None:
    with pytest.raises(Invalid, match=r"^Login or password is wrong$"):
        rig.accounts.sign_in(login, password, "10.0.0.1")
    assert len(rig.hasher.verified) == 1


def test_a_failed_sign_in_stands_in_the_trail_without_what_was_typed(rig: Rig) -> None:
    for login in ("801", "my-password-in-the-wrong-field"):
        with pytest.raises(Invalid):
            rig.accounts.sign_in(login, "wrong", "10.0.0.1")
    with rig.database.open(EVERYTHING) as work:
        noted = work.session.scalars(select(mapping.Audit).where(mapping.Audit.act == "sign-in failed")).all()
    assert [(one.user, one.subject_id, one.detail) for one in noted] == [
        (None, known, {"address": "10.0.0.1", "why": "password"}) for known in ("801", "")
    ]


def test_after_some_failures_a_login_has_to_wait_longer_and_longer_even_with_the_right_password(rig: Rig) -> None:
    for _ in range(5):
        with pytest.raises(Invalid):
            rig.accounts.sign_in("801", "wrong", "10.0.0.1")
    with pytest.raises(Unavailable, match="try again in 2 seconds"):
        rig.accounts.sign_in("801", PASSWORD, "10.0.0.2")
    rig.clock.at += 1.5
    with pytest.raises(Invalid):
        rig.accounts.sign_in("801", "wrong", "10.0.0.1")
    rig.clock.at += 1.5
    with pytest.raises(Unavailable):
        rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")
    rig.clock.at += 1.0
    rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")
    rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")


def test_an_address_that_tries_many_logins_has_to_wait(rig: Rig) -> None:
    for number in range(20):
        with pytest.raises(Invalid):
            rig.accounts.sign_in(f"login {number}", "wrong", "10.0.0.1")
    with pytest.raises(Unavailable):
        rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")
    rig.accounts.sign_in("801", PASSWORD, "10.0.0.2")


def test_failures_are_not_kept_for_ever(rig: Rig) -> None:
    with pytest.raises(Invalid):
        rig.accounts.sign_in("nobody", "wrong", "10.9.9.9")
    rig.clock.at += 3601
    rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")
    with rig.database.open(EVERYTHING) as work:
        assert work.session.scalars(select(mapping.SigninFailure.key)).all() == []


def test_a_branch_behind_one_address_signs_in_all_morning(rig: Rig) -> None:
    for _ in range(60):
        rig.accounts.sign_in("801", PASSWORD, "10.0.0.1")


def test_a_session_ends_when_idle_and_at_the_longest(rig: Rig) -> None:
    token = rig.accounts.sign_in("801", PASSWORD, "a")
    for _ in range(23):
        rig.clock.at += 1800
        assert rig.accounts.viewer_of(token) is not None
    rig.clock.at += 1801
    assert rig.accounts.viewer_of(token) is None  # 12 hours
    token = rig.accounts.sign_in("801", PASSWORD, "a")
    rig.clock.at += 3601
    assert rig.accounts.viewer_of(token) is None


def test_a_live_stream_does_not_keep_a_session_alive(rig: Rig) -> None:
    token = rig.accounts.sign_in("801", PASSWORD, "a")
    for _ in range(7):
        rig.clock.at += 500
        live = rig.accounts.by_token(token)
        assert live is not None and rig.accounts.by_id(live.id) is not None
    rig.clock.at += 200
    assert rig.accounts.by_token(token) is None


def test_signing_out_ends_the_session_and_tells_the_daemon(rig: Rig) -> None:
    token = rig.accounts.sign_in("801", PASSWORD, "a")
    live = rig.accounts.by_token(token)
    assert live is not None
    assert rig.accounts.sign_out(token) == live.id
    assert rig.ended() == [live.id] and len(rig.woken) == 1
    assert rig.accounts.viewer_of(token) is None
    assert rig.accounts.sign_out(token) is None


def test_a_changed_password_ends_all_other_sessions(rig: Rig) -> None:
    mine, other = (rig.accounts.sign_in("801", PASSWORD, "a") for _ in range(2))
    viewer = rig.accounts.viewer_of(mine)
    assert viewer is not None
    with pytest.raises(Invalid, match="old password is wrong"):
        rig.accounts.change_password(viewer, "wrong", "another one", mine)
    with pytest.raises(Invalid, match="8 to 200"):
        rig.accounts.change_password(viewer, PASSWORD, "short", mine)
    rig.accounts.change_password(viewer, PASSWORD, "another one", mine)
    assert rig.accounts.viewer_of(mine) is not None
    assert rig.accounts.viewer_of(other) is None
    rig.accounts.sign_in("801", "another one", "a")


def test_a_disabled_user_is_out_at_once_and_stays_out(rig: Rig) -> None:
    token = rig.accounts.sign_in("801", PASSWORD, "a")
    rig.accounts.set_active("801", False)
    assert rig.accounts.viewer_of(token) is None
    with pytest.raises(Invalid, match="Login or password is wrong"):
        rig.accounts.sign_in("801", PASSWORD, "a")
    with pytest.raises(NotFound):
        rig.accounts.viewer("801")
    rig.accounts.set_active("801", True)
    rig.accounts.sign_in("801", PASSWORD, "a")


def test_two_users_on_one_extension_are_refused_by_name(rig: Rig) -> None:
    with pytest.raises(Invalid) as refused:
        rig.accounts.give_extension("hq", "2001", "802")
    assert "801 (name 801)" in str(refused.value) and "802 (name 802)" in str(refused.value)
    rig.accounts.give_extension("osaka", "2001", "802")  # another exchange's 2001 is another telephone
    rig.accounts.take_extension("hq", "2001")
    rig.accounts.give_extension("hq", "2001", "802")
    assert rig.accounts.viewer("802").extensions == (("hq", "2001"), ("hq", "2002"), ("osaka", "2001"))


def test_a_user_is_added_whole_or_not_at_all(rig: Rig) -> None:
    new = User(id="900", login="New", name="新人", branch="121", role="rep", extensions=[("hq", "2001")])
    with pytest.raises(Invalid, match="2001"):
        rig.accounts.add_user(new, PASSWORD)
    assert "900" not in [user.id for user in rig.accounts.users()]
    new.extensions = [("hq", "2009")]
    rig.accounts.add_user(new, PASSWORD)
    assert rig.accounts.viewer("900").extensions == (("hq", "2009"),)
    for wrong, field in (
        (User(id="900", login="x", name="", branch="121", role="rep"), "id"),
        (User(id="901", login="NEW", name="", branch="121", role="rep"), "login"),
        (User(id="901", login="x", name="", branch="999", role="rep"), "branch"),
        (User(id="901", login="x", name="", branch="121", role="king"), "role"),
    ):
        with pytest.raises(Invalid) as refused:
            rig.accounts.add_user(wrong, None)
        assert refused.value.field == field


def test_a_role_is_a_set_of_authorities_that_can_be_changed(rig: Rig) -> None:
    rig.accounts.put_role(Role("rep", Span.BRANCH, frozenset({3}), frozenset({"handle", "export"})))
    viewer = rig.accounts.viewer("801")
    assert (viewer.scope.span, viewer.scope.classes, viewer.rights) == (Span.BRANCH, {3}, {"handle", "export"})
    with pytest.raises(Invalid, match="no right “fly”"):
        rig.accounts.put_role(Role("rep", Span.OWN, frozenset(), frozenset({"fly"})))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="all classes of customers"):
        rig.accounts.put_role(Role("rep", Span.OWN, frozenset({4}), frozenset()))


def test_what_a_user_chooses_is_kept(rig: Rig) -> None:
    rig.accounts.set_preferences(rig.accounts.viewer("801"), language="en", dial="tel", timezone="Europe/London")
    rig.accounts.set_preferences(rig.accounts.viewer("801"), screens={"keys": False})
    rig.accounts.set_preferences(rig.accounts.viewer("801"), screens={"sound": True})
    viewer = rig.accounts.viewer("801")
    assert (viewer.language, viewer.dial, viewer.timezone) == ("en", "tel", "Europe/London")
    assert rig.accounts.preferences(viewer) == {"keys": False, "sound": True}
    with pytest.raises(Invalid, match="no language"):
        rig.accounts.set_language(viewer, "tlh")


def test_argon2id_hashes_and_checks() -> None:
    hasher = Argon2(time_cost=1, memory_kib=64, lanes=1)
    kept = hasher.hash(PASSWORD)
    assert kept.startswith("$argon2id$") and kept != hasher.hash(PASSWORD)
    assert hasher.verify(kept, PASSWORD)
    assert not hasher.verify(kept, "wrong")
    assert not hasher.verify("", "nobody has this password")
    assert not hasher.verify("rubbish", PASSWORD)
    assert not hasher.outdated(kept) and Argon2(time_cost=2, memory_kib=64, lanes=1).outdated(kept)
