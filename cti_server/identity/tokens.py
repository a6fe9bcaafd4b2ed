"""API tokens: a program reads in a user's name, as far as the token's scopes and the user's rights reach (spec/50)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple, cast, get_args

from cti_server.identity.accounts import Viewer
from cti_server.identity.ports import AccountRows, OpenRows
from cti_server.identity.throttling import failed
from cti_server.identity.token_ports import ApiToken, TokenScope
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotAllowed, NotFound
from cti_server.shared.viewer import Right

PREFIX: Final = "yob_"
"""So that scanners for secrets know one when they see it."""
STREAM: Final = "token:"
"""What the id of a token's live stream begins with."""
SCOPES: Final[tuple[TokenScope, ...]] = get_args(TokenScope)
TAKES: Final[dict[TokenScope, Right]] = {"report": "export", "audit": "audit", "usage": "phases"}
"""Scopes that take a right of the user besides."""
LONGEST_DAYS: Final = 365
LONGEST_NAME: Final = 60
MOST: Final = 20
"""Tokens that a user may have at once."""
DAY: Final = 86_400.0
USED_EVERY: Final = 60.0
"""The last use is written at most this often (seconds)."""


class TokenRefused(Invalid):
    """The token is no good (any more): unknown, expired or revoked."""


class OutOfScope(NotAllowed):
    """The token is good, but not for this; ``scope`` is the one that it lacks."""

    def __init__(self, token: ApiToken, scope: TokenScope) -> None:
        super().__init__(
            f"The token “{token.name}” lacks the scope “{scope}”; it has {', '.join(token.scopes)}. "
            "Make one that has it on My settings"
        )
        self.scope = scope


class TokenUse(NamedTuple):
    """For whom a token reads. ``id`` is what a live stream of it is known by; the viewer carries the token's name."""

    id: str
    viewer: Viewer
    token: ApiToken


class ApiTokens:
    """All use cases. ``viewer_for`` makes the viewer of a user's id; NotFound where the user is disabled."""

    def __init__(self, rows: OpenRows, clock: Clock, viewer_for: Callable[[AccountRows, str], Viewer]) -> None:
        self._rows = rows
        self._clock = clock
        self._viewer_for = viewer_for

    # --- looking after them

    def mine(self, viewer: Viewer) -> Sequence[ApiToken]:
        """The viewer's own, the latest first."""
        with self._rows() as rows:
            return rows.tokens.of(viewer.id)

    def all(self) -> Sequence[ApiToken]:
        """Everybody's, for an administrator."""
        with self._rows() as rows:
            return rows.tokens.of(None)

    def make(
        self, user_id: str, name: str, scopes: Iterable[str], days: int, by: str | None = None
    ) -> tuple[str, ApiToken]:
        """Makes one for a user; gives its text, this once. Invalid for what can't be: a name that is none or is there
        already, a scope that is none or that the user's role has no right for, days beyond a year."""
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME:
            raise Invalid(
                "Give the token a name of up to 60 characters, such as what will use it", "name", "token-name"
            )
        if not 1 <= days <= LONGEST_DAYS:
            raise Invalid("A token lasts from a day to a year", "days", "token-days")
        text, now = PREFIX + secrets.token_urlsafe(32), self._clock.now()
        with self._rows(write=True) as rows:
            wanted = _checked(scopes, self._viewer_for(rows, user_id))
            known = rows.tokens.of(user_id)
            if any(one.name == name for one in known):
                raise Invalid("There is a token of this name already; choose another", "name", "token-taken")
            if len(known) >= MOST:
                raise Invalid(
                    "There are 20 tokens already; revoke one that is of no use any more", "name", "token-many"
                )
            token = ApiToken(0, key_of(text), user_id, name, wanted, now, now + days * DAY, by)
            token = rows.tokens.add(token)
            detail = {"token": name, "scopes": list(wanted), "expires": token.expires}
            rows.note(now, by, "token-made", user_id, detail)
        return text, token

    def revoke(self, token_id: int, user_id: str | None, by: str | None = None) -> ApiToken:
        """Ends a token, at once. ``user_id``: only where it is this user's. NotFound where there is none."""
        with self._rows(write=True) as rows:
            token = next((one for one in rows.tokens.of(user_id) if one.id == token_id), None)
            if token is None:
                raise NotFound("There is no such token")
            rows.tokens.end(token, self._clock.now())
            rows.note(self._clock.now(), by, "token-revoked", token.user, {"token": token.name})
        return token

    # --- reading with one

    def use(self, text: str, scope: TokenScope | None, address: str) -> TokenUse:
        """For whom a token reads. TokenRefused where it is no good, OutOfScope where it lacks the scope (null: any
        will do), Unavailable where an address brought too many that are no good. A good one is never held up."""
        now = self._clock.now()
        try:
            with self._rows() as rows:
                found = self._good(rows, rows.tokens.by_key(key_of(text)), now)
                if found.token.used is None or found.token.used < now - USED_EVERY:
                    rows.tokens.used(found.token, now)
        except TokenRefused:
            failed(self._rows, [f"token:{address}"], now)
            raise
        if scope is not None and scope not in found.token.scopes:
            raise OutOfScope(found.token, scope)
        return found

    def by_stream(self, stream: str) -> TokenUse | None:
        """Whose a live stream is, by its id; null where its token is no good any more."""
        with self._rows() as rows:
            try:
                return self._good(rows, rows.tokens.by_key(stream.removeprefix(STREAM)), self._clock.now())
            except TokenRefused:
                return None

    def _good(self, rows: AccountRows, token: ApiToken | None, now: float) -> TokenUse:
        if token is None:
            raise TokenRefused("This API token is not known here; make one on My settings", "token", "token-unknown")
        if token.ended is not None:
            raise TokenRefused("This API token was revoked; make another on My settings", "token", "token-revoked")
        if token.expires <= now:
            day = datetime.fromtimestamp(token.expires, UTC).date()
            raise TokenRefused(
                f"This API token expired on {day}; make another on My settings", "token", "token-expired"
            )
        try:
            viewer = self._viewer_for(rows, token.user)
        except NotFound as gone:
            raise TokenRefused("The user of this API token is disabled", "token", "token-of-nobody") from gone
        return TokenUse(STREAM + token.key, replace(viewer, token=token.name), token)


def key_of(text: str) -> str:
    """What is kept of a token: its SHA-256. It is random, so that no salt is needed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def scopes_for(viewer: Viewer) -> list[TokenScope]:
    """The scopes that a user's tokens may have."""
    return [one for one in SCOPES if one not in TAKES or viewer.may(TAKES[one])]


def _checked(scopes: Iterable[str], viewer: Viewer) -> tuple[TokenScope, ...]:
    wanted = set(scopes)
    unknown = sorted(wanted - set(SCOPES))
    if unknown:
        raise Invalid(f"There is no scope “{unknown[0]}”; there are {', '.join(SCOPES)}", "scopes", "token-scope")
    if not wanted:
        raise Invalid("Choose at least one thing that the token may read", "scopes", "token-no-scope")
    beyond = sorted(wanted - set(scopes_for(viewer)))
    if beyond:
        takes = TAKES[cast(TokenScope, beyond[0])]
        raise Invalid(
            f"The scope “{beyond[0]}” takes the right “{takes}”, which the role of this user has not",
            "scopes",
            "token-right",
        )
    return tuple(one for one in SCOPES if one in wanted)
