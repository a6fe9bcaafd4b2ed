"""What of an ID token is believed: each check alone, over tokens signed here, with a provider in memory."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from cti_adapters import single_sign_on
from cti_adapters.single_sign_on import ANEW_SECONDS, KNOWN_SECONDS, Begun, Provider
from cti_server.settings import OidcSettings
from cti_server.shared.errors import Invalid, Unavailable
from tests.adapters.storage_rig import NOW, FixedClock

ISSUER = "https://idp.example"
BACK = "https://yobirin.example/signin/oidc/back"
BEGUN = Begun("state", "nonce", "verifier")
ANSWER = {"state": "state", "code": "code", "iss": ISSUER}
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "two"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve"})


def claims(**other: Any) -> dict[str, Any]:
    return {
        "iss": ISSUER,
        "sub": "s1",
        "aud": "yobirin",
        "exp": NOW + 300,
        "iat": NOW,
        "nonce": "nonce",
        "preferred_username": "801",
    } | other


class Firm:
    """The provider's side: what it answers, and what it was asked."""

    def __init__(self) -> None:
        self.clock = FixedClock(NOW)
        self.keys: list[Any] = [KEY]
        self.id_token = self.signed(claims())
        self.asked: list[str] = []
        self.userinfo: dict[str, Any] = {"sub": "s1", "preferred_username": "801"}
        self.document: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "userinfo_endpoint": f"{ISSUER}/me",
            "end_session_endpoint": f"{ISSUER}/out",
        }
        self.fails: Callable[[str], None] = lambda _path: None
        self.provider = Provider(OidcSettings(issuer=ISSUER, client_id="yobirin"), self.clock, self.fetch)

    def signed(self, content: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
        return jwt.encode({"alg": algorithm, "kid": key.kid}, content, key, algorithms=[algorithm])

    def fetch(self, request: urllib.request.Request) -> bytes:
        path = request.full_url.removeprefix(ISSUER)
        self.asked.append(path)
        self.fails(path)
        answers: dict[str, Any] = {
            "/.well-known/openid-configuration": self.document,
            "/jwks": {"keys": [key.as_dict(private=False) for key in self.keys] + [{"kty": "unheard-of"}]},
            "/token": {"id_token": self.id_token, "access_token": "at"},
            "/me": self.userinfo,
        }
        return json.dumps(answers[path]).encode()

    def finish(self, **answer: str) -> str:
        return self.provider.finish(BEGUN, ANSWER | answer, BACK).login


@pytest.fixture
def firm() -> Firm:
    return Firm()


def test_a_good_token_names_the_login(firm: Firm) -> None:
    assert firm.finish() == "801"
    firm.keys.append(CURVE)
    firm.provider._keys = None
    firm.id_token = firm.signed(claims(aud=["other", "yobirin"], azp="yobirin"), CURVE, "ES256")
    assert firm.finish() == "801"


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"iss": "https://evil.example"}, "oidc-issuer"),
        ({"aud": "another"}, "oidc-audience"),
        ({"aud": []}, "oidc-audience"),
        ({"aud": ["yobirin", "another"], "azp": "another"}, "oidc-audience"),
        ({"exp": NOW - 61}, "oidc-expired"),
        ({"exp": None}, "oidc-expired"),
        ({"iat": NOW + 61}, "oidc-early"),
        ({"nonce": "another"}, "oidc-nonce"),
        ({"nonce": None}, "oidc-nonce"),
        ({"sub": None}, "oidc-subject"),
    ],
)
def test_each_claim_is_checked(firm: Firm, other: dict[str, Any], code: str) -> None:
    firm.id_token = firm.signed(claims(**other))
    with pytest.raises(Invalid) as refused:
        firm.finish()
    assert refused.value.code == code


def test_only_the_providers_own_signature_counts(firm: Firm) -> None:
    impostor = RSAKey.generate_key(2048, {"kid": "one"})
    shared = OctKey.import_key("yobirin's secret, known to both", {"kid": "one"})
    unsigned = "eyJhbGciOiJub25lIn0." + firm.signed(claims()).split(".")[1] + "."
    for token in (firm.signed(claims(), impostor), firm.signed(claims(), shared, "HS256"), unsigned, "x", "a.b.c"):
        firm.id_token = token
        with pytest.raises(Invalid) as refused:
            firm.finish()
        assert refused.value.code == "oidc-signature"


def test_keys_that_are_changed_are_asked_for_once(firm: Firm) -> None:
    firm.finish()
    firm.keys, firm.id_token = [OTHER], firm.signed(claims(), OTHER)
    with pytest.raises(Invalid):  # just asked
        firm.finish()
    firm.clock.at += ANEW_SECONDS
    assert firm.finish() == "801"
    assert firm.asked.count("/jwks") == 2
    firm.clock.at += KNOWN_SECONDS
    firm.id_token = firm.signed(claims(exp=firm.clock.at + 60, iat=firm.clock.at), OTHER)
    assert firm.finish() == "801"
    assert firm.asked.count("/jwks") == 3


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"state": "another"}, "oidc-state"),
        ({"iss": "https://evil.example"}, "oidc-issuer"),
        ({"error": "access_denied"}, "oidc-refused"),
        ({"code": ""}, "oidc-refused"),
    ],
)
def test_what_the_browser_brings_back_is_checked_before_anything_is_asked(
    firm: Firm, answer: dict[str, str], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        firm.finish(**answer)
    assert refused.value.code == code
    assert firm.asked == []


def test_a_login_that_the_token_does_not_name_is_asked_for_of_the_same_subject(firm: Firm) -> None:
    firm.id_token = firm.signed({name: value for name, value in claims().items() if name != "preferred_username"})
    assert firm.finish() == "801"
    firm.userinfo["sub"] = "another"
    with pytest.raises(Invalid, match="which login"):
        firm.finish()


def test_where_it_goes(firm: Firm) -> None:
    address = firm.provider.begin(BEGUN, BACK)
    assert address.startswith(f"{ISSUER}/auth?tenant=1&response_type=code&client_id=yobirin")
    assert "verifier" not in address and "code_challenge_method=S256" in address
    assert "id_token_hint=abc" in firm.provider.end("abc", BACK)
    del firm.document["end_session_endpoint"]
    firm.provider._document = None
    assert firm.provider.end("abc", BACK) == ""


def test_a_document_of_another_issuer_is_not_believed(firm: Firm) -> None:
    firm.document["issuer"] = "https://evil.example"
    with pytest.raises(Unavailable, match="names itself otherwise"):
        firm.provider.begin(BEGUN, BACK)


@pytest.mark.parametrize(
    "broken",
    [
        OSError("refused"),
        TimeoutError(),
        ValueError("no JSON"),
        urllib.error.HTTPError(ISSUER, 503, "", None, BytesIO()),  # type: ignore[arg-type]
        urllib.error.HTTPError(ISSUER, 302, "", None, BytesIO()),  # type: ignore[arg-type]
    ],
)
def test_a_provider_that_is_away_is_left_alone_for_a_moment(firm: Firm, broken: Exception) -> None:
    def fail(_path: str) -> None:
        raise broken

    firm.fails = fail
    for _ in range(3):
        with pytest.raises(Unavailable, match="can't be reached"):
            firm.provider.begin(BEGUN, BACK)
    assert len(firm.asked) == 1
    firm.fails = lambda _path: None
    firm.clock.at += ANEW_SECONDS
    assert firm.provider.begin(BEGUN, BACK)


def test_a_code_that_the_provider_does_not_take_is_no_outage(firm: Firm) -> None:
    def fail(path: str) -> None:
        if path == "/token":
            raise urllib.error.HTTPError(ISSUER, 400, "", None, BytesIO(b"{}"))  # type: ignore[arg-type]

    firm.fails = fail
    with pytest.raises(Invalid) as refused:
        firm.finish()
    assert refused.value.code == "oidc-code"
    assert firm.provider.begin(BEGUN, BACK)


def test_a_provider_that_never_answers_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_sign_on, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        provider = Provider(OidcSettings(issuer=issuer, client_id="yobirin"), FixedClock(NOW))
        with pytest.raises(Unavailable, match="can't be reached"):
            provider.begin(BEGUN, BACK)
