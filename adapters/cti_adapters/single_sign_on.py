"""Single sign-on by OpenID Connect: the provider as its discovery document names it, the authorization code flow with
PKCE, and the checks of an ID token (OpenID Connect Core 1.0, RFC 7636, RFC 9207).

Everything that goes over the wire has one bound in time, whatever the provider does, and few are asked at once: a
provider that hangs holds up nobody but those who sign in by it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from cti_server.settings import OidcSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, SettingsError, Unavailable

PATIENCE: Final = 6.0
"""Seconds for one answer of the provider, all in all."""
AT_ONCE: Final = 3
KNOWN_SECONDS: Final = 3600.0
"""So long a discovery document or a set of keys is taken for granted; a key that is not among them is asked for."""
ANEW_SECONDS: Final = 10.0
"""Keys are asked for anew at most this often, and a provider that was away is left alone for so long."""
LARGEST: Final = 1 << 20
LEEWAY: Final = 60.0
"""Seconds that the provider's clock may be off."""
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures by a private key only: neither ``none`` nor a shared secret."""
AWAY: Final = "The sign-in of the firm (single sign-on) can't be reached just now; try again in a moment"
REFUSED: Final = "The answer of the firm's sign-in can't be trusted; begin again, and tell an administrator if it stays"

Fetch = Callable[[urllib.request.Request], bytes]


class Begun(NamedTuple):
    """What the browser's own cookie remembers of a sign-in that goes to the provider."""

    state: str
    nonce: str
    verifier: str


class Identity(NamedTuple):
    """Who the provider says it is: the login by the claim of the settings, and the ID token for the sign-out."""

    login: str
    id_token: str


@dataclass(slots=True)
class _Known:
    value: dict[str, Any]
    at: float


class Provider:
    """The provider of ``[signin.oidc]``."""

    def __init__(self, settings: OidcSettings, clock: Clock, fetch: Fetch | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._fetch = fetch or _Fetcher(settings)
        self._document: _Known | None = None
        self._keys: _Known | None = None
        self._away_until = 0.0

    def begin(self, begun: Begun, back: str) -> str:
        """Where the browser goes to sign in. Raises Unavailable where the provider is away."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=")
        values = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": back,
            "scope": " ".join(self._settings.scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        return _with(self._endpoint("authorization_endpoint"), values)

    def finish(self, begun: Begun, answer: Mapping[str, str], back: str) -> Identity:
        """Who came back. Invalid where they did not sign in, or where the answer can't be trusted; Unavailable where
        the provider is away."""
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise Invalid(REFUSED, "state", "oidc-state")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise Invalid(REFUSED, "iss", "oidc-issuer")
        if "error" in answer or not answer.get("code"):
            raise Invalid("You were not signed in there; try again, or ask an administrator", "error", "oidc-refused")
        told = self._exchanged(answer["code"], begun.verifier, back)
        id_token = told.get("id_token")
        if not isinstance(id_token, str):
            raise Invalid(REFUSED, "id_token", "oidc-no-token")
        claims = self._claims(id_token, begun.nonce)
        return Identity(self._login(claims, told), id_token)

    def end(self, id_token: str, back: str) -> str:
        """Where the browser goes to sign out there too (OpenID Connect RP-Initiated Logout); empty where the provider
        offers none, or is away: the sign-out here does not wait for it."""
        try:
            address = self._discovered().get("end_session_endpoint")
        except Unavailable:
            return ""
        if not isinstance(address, str):
            return ""
        hint = {"id_token_hint": id_token} if id_token else {}
        return _with(address, {"client_id": self._settings.client_id, "post_logout_redirect_uri": back} | hint)

    # --- the ID token

    def _claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        try:
            claims = self._verified(id_token)
        except (JoseError, ValueError) as bad:
            raise Invalid(REFUSED, "id_token", "oidc-signature") from bad
        now = self._clock.now()
        audience = claims.get("aud")
        for_whom = audience if isinstance(audience, list) else [audience]
        ours = self._settings.client_id
        checks = {
            "oidc-issuer": claims.get("iss") == self._settings.issuer,
            "oidc-audience": ours in for_whom and claims.get("azp", ours) == ours,
            "oidc-expired": _number(claims.get("exp")) > now - LEEWAY,
            "oidc-early": _number(claims.get("iat")) < now + LEEWAY,
            "oidc-nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
            "oidc-subject": isinstance(claims.get("sub"), str),
        }
        for code, holds in checks.items():
            if not holds:
                raise Invalid(REFUSED, "id_token", code)
        return claims

    def _verified(self, id_token: str) -> dict[str, Any]:
        """The claims under a signature of the provider. A key that is not known yet is asked for: they are changed."""
        try:
            return dict(jwt.decode(id_token, self._key_set(), algorithms=ALGORITHMS).claims)
        except InvalidKeyIdError:
            if self._keys is not None and self._clock.now() - self._keys.at < ANEW_SECONDS:
                raise
            self._keys = None
            return dict(jwt.decode(id_token, self._key_set(), algorithms=ALGORITHMS).claims)

    def _key_set(self) -> KeySet:
        self._keys = self._fresh(self._keys, lambda: self._endpoint("jwks_uri"))
        keys = self._keys.value.get("keys")
        # What we can't read (another kind of key, one to encrypt with) is none of ours.
        usable = [one for one in keys if isinstance(one, dict) and one.get("kty") in ("RSA", "EC")] if keys else []
        return KeySet.import_key_set({"keys": [one for one in usable if one.get("use", "sig") == "sig"]})

    def _login(self, claims: dict[str, Any], told: dict[str, Any]) -> str:
        """The claim that names the login: in the ID token, else as the provider tells it of the same subject."""
        name = self._settings.login_claim
        found = claims.get(name)
        if found is None and "userinfo_endpoint" in self._discovered() and isinstance(told.get("access_token"), str):
            asked = urllib.request.Request(self._endpoint("userinfo_endpoint"))
            asked.add_header("Authorization", f"Bearer {told['access_token']}")
            more = self._asked(asked)
            found = more.get(name) if more.get("sub") == claims["sub"] else None
        if not isinstance(found, str) or not found.strip():
            raise Invalid(
                "The firm's sign-in does not say which login you have here; ask an administrator", "login", "oidc-claim"
            )
        return found

    # --- the provider

    def _exchanged(self, code: str, verifier: str, back: str) -> dict[str, Any]:
        values = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        secret = self._secret()
        asked = urllib.request.Request(self._endpoint("token_endpoint"), method="POST")
        methods = self._discovered().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not secret:
            values["client_id"] = self._settings.client_id
        elif "client_secret_basic" in methods:
            pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
            asked.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
        else:
            values |= {"client_id": self._settings.client_id, "client_secret": secret}
        asked.data = urlencode(values).encode()
        return self._asked(asked)

    def _secret(self) -> str:
        try:
            return self._settings.secret()
        except SettingsError as bad:
            raise Unavailable("The secret of the single sign-on can't be read; tell an administrator") from bad

    def _endpoint(self, name: str) -> str:
        found = self._discovered().get(name)
        if not isinstance(found, str):
            raise Unavailable(AWAY)
        return found

    def _discovered(self) -> dict[str, Any]:
        self._check_there()
        well_known = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        self._document = self._fresh(self._document, lambda: well_known)
        if self._document.value.get("issuer") != self._settings.issuer:
            self._document = None
            raise Unavailable("The single sign-on names itself otherwise than the settings do; tell an administrator")
        return self._document.value

    def _fresh(self, known: _Known | None, address: Callable[[], str]) -> _Known:
        now = self._clock.now()
        if known is not None and now - known.at < KNOWN_SECONDS:
            return known
        return _Known(self._asked(urllib.request.Request(address())), now)

    def _asked(self, request: urllib.request.Request) -> dict[str, Any]:
        """The JSON that the provider answers with. Unavailable where it is away, or was a moment ago; Invalid where it
        refuses what the browser brought."""
        self._check_there()
        request.add_header("Accept", "application/json")
        try:
            answer = json.loads(self._fetch(request))
        except urllib.error.HTTPError as refused:
            refused.close()  # it is the answer too, and holds the connection
            if 400 <= refused.code < 500 and request.data is not None:
                raise Invalid(REFUSED, "code", "oidc-code") from refused
            raise self._away() from refused
        except (OSError, HTTPException, ValueError, TooLate) as bad:
            raise self._away() from bad
        if not isinstance(answer, dict):
            raise self._away()
        return answer

    def _check_there(self) -> None:
        if self._clock.now() < self._away_until:
            raise Unavailable(AWAY)

    def _away(self) -> Unavailable:
        self._away_until = self._clock.now() + ANEW_SECONDS
        return Unavailable(AWAY)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An endpoint is where the discovery document says; nobody sends a secret on."""

    def redirect_request(self, *_: Any) -> None:
        """Never."""
        return


class _Fetcher:
    """Asks over the network, in a few threads of its own: a limit for each read does not bound a slow drip."""

    def __init__(self, settings: OidcSettings) -> None:
        context = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
        handler = urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(handler, _NoRedirect())
        self._threads = ThreadPoolExecutor(AT_ONCE, "single-sign-on")

    def __call__(self, request: urllib.request.Request) -> bytes:
        """The answer's body."""
        asked = self._threads.submit(self._read, request)
        try:
            return asked.result(PATIENCE)
        finally:
            asked.cancel()

    def _read(self, request: urllib.request.Request) -> bytes:
        with self._opener.open(request, timeout=PATIENCE) as answer:
            body: bytes = answer.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ValueError("more than a provider has to say")
        return body


def _with(address: str, values: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
