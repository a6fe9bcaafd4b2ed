"""Sessions: the rules, without keeping anything."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from cti_server.identity.ports import Session

SEEN_EVERY: Final = 60.0
"""A session's last use is written at most this often (seconds): a page must not cost a write."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a sign-in lasts: without use, and at the longest (seconds)."""

    idle: float = 3600.0
    longest: float = 12 * 3600.0


def new_token() -> str:
    """A session token: 32 random bytes."""
    return secrets.token_urlsafe(32)


def session_id(token: str) -> str:
    """What is kept of a token, and what a session is called: its SHA-256. A token is random, so that no salt is
    needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def stands(session: Session, policy: SessionPolicy, now: float) -> bool:
    """Whether a session is not over."""
    return now < session.expires and now < session.seen + policy.idle
