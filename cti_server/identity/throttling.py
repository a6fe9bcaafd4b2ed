"""How attempts are slowed down: one way for passwords, codes and tokens. In a browser that knows the user only what was
tried there counts (:mod:`devices`), else who it was tried for and the address it came from.

An attempt counts as failed before anything is looked at, so that many at once gain nothing; one that succeeds is taken
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cti_server.identity.ports import AccountRows, Failures, OpenRows
from cti_server.shared.errors import Unavailable

FREE_TRIES: Final = {"login": 5, "code": 5, "device": 5, "address": 20, "token": 20, "link": 20}
"""Failures before the waiting begins. An address may be a whole branch's, behind one router."""
LONGEST_WAIT: Final = {"login": 60.0, "code": 900.0, "device": 900.0, "address": 900.0, "token": 900.0, "link": 900.0}
"""Seconds. Short for a login, since whoever fails on purpose makes its owner wait in a browser that is new to them; a
code is asked only of who knows the password."""
FORGOTTEN_AFTER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted. ``before``: what its keys had failed until then."""

    keys: Sequence[str]
    before: dict[str, Failures]

    def succeeded(self, rows: AccountRows) -> None:
        """It was no failure: who it was starts afresh; the address gets back only the attempt that it took."""
        for key in self.keys:
            if key in self.before and key.startswith("address:"):
                rows.put_failures(self.before[key])
            else:
                rows.forget_failures([key])


def keys_of(whose: str, address: str, device: str | None) -> list[str]:
    """By what an attempt is counted. ``whose``: ``login:…`` or ``code:…``; ``device``: the browser's name for the
    user, null where they were never in there."""
    return [f"device:{device}"] if device is not None else [whose, f"address:{address}"]


def attempt(open_rows: OpenRows, keys: Sequence[str], now: float) -> Attempt:
    """Counts an attempt for ``<kind>:<whose>`` keys. Raises Unavailable where there were too many."""
    return Attempt(keys, failed(open_rows, keys, now))


def failed(open_rows: OpenRows, keys: Sequence[str], now: float) -> dict[str, Failures]:
    """Counts a failure; gives what there was before. Raises Unavailable, and counts nothing, while it has to wait."""
    with open_rows(write=True) as rows:
        known = rows.failures(keys)
        wait = max((one.blocked_until - now for one in known.values()), default=0.0)
        if wait > 0:
            raise Unavailable(f"There were too many attempts to sign in; try again in {int(wait) + 1} seconds")
        for key in keys:
            rows.put_failures(failed_again(key, known.get(key), now))
        rows.drop_old_failures(now - FORGOTTEN_AFTER)
    return known


def failed_again(key: str, before: Failures | None, now: float) -> Failures:
    """The failures with one more. Beyond the free tries each doubles the wait."""
    count = 1 if before is None or before.last_at < now - FORGOTTEN_AFTER else before.count + 1
    kind = key.partition(":")[0]
    beyond = count - FREE_TRIES[kind]
    wait = min(LONGEST_WAIT[kind], 2.0 ** min(beyond, 20)) if beyond >= 0 else 0.0
    return Failures(key, count, now, now + wait)
