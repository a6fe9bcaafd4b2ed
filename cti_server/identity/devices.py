"""Browsers in which somebody has signed in before: what strangers try elsewhere doesn't make them wait.

A browser keeps a sealed list of who has signed in there (OWASP calls it a device cookie). It opens nothing: whoever
brings it still has to know the password, and is slowed down by attempts made with it, not by those made without. So
nobody is locked out by somebody who only knows a login, or who sits behind the same router.
"""

from __future__ import annotations

import json
import secrets
from typing import Final

from cti_server.identity.factor_ports import Sealer
from cti_server.shared.errors import Unavailable

KEPT_DAYS: Final = 180
"""So long a browser is known after the last sign-in there."""
MOST_USERS: Final = 8
"""Users of one browser that are kept: a desk may be shared. The one who was there longest ago leaves first."""
LONGEST: Final = 2000
"""Characters of what a browser brings that are looked at."""
_PURPOSE: Final = "known browser"


class Devices:
    """Reads and writes what a browser keeps."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def known(self, kept: str, user: str) -> str | None:
        """The name under which attempts of this user in this browser are counted; null where they were never in."""
        return self._users(kept).get(user)

    def with_user(self, kept: str, user: str) -> str:
        """What the browser keeps from now on. Who was known there keeps their name, and so their count."""
        users = self._users(kept)
        name = users.pop(user, None) or secrets.token_urlsafe(12)
        users[user] = name
        latest = dict(list(users.items())[-MOST_USERS:])
        return self._sealer.seal(json.dumps(latest, separators=(",", ":")).encode(), _PURPOSE)

    def _users(self, kept: str) -> dict[str, str]:
        """Users and their names, who was there last at the end. What was not sealed here is nobody's."""
        if not kept or len(kept) > LONGEST:
            return {}
        try:
            users: dict[str, str] = json.loads(self._sealer.open(kept, _PURPOSE))
        except Unavailable:
            return {}
        return users
