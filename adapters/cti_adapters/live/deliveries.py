"""Who was told of which call, and when: kept for a while, so that "why was there no pop-up?" has an answer.

The hub notes here while it tells the screens, which must cost next to nothing: a look-up per screen, and more only
where something is new. ``changed`` gives what is to be stored, off the reactor's way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cti_server.shared.deliveries import TOLD_MOST, Delivery, Told

CALLS_MOST: Final = 4096


@dataclass(slots=True)
class Noting:
    """What is known of one call so far."""

    call_id: str
    at: float
    """When it was told first; epoch seconds, UTC."""
    told: dict[str, Told] = field(default_factory=dict)
    rang: dict[str, float] = field(default_factory=dict)
    """Whose telephones rang or talked."""
    away: dict[str, float] = field(default_factory=dict)
    """Whom it concerns by name, and who had no screen open."""
    changed: bool = True

    @property
    def room(self) -> bool:
        """Whether people are still kept whom the call does not name."""
        return len(self.told) < TOLD_MOST

    def tell(self, user: str, at: float, kind: str, *, cut: bool = False, named: bool = True) -> None:
        """Something was written to a screen of the user; ``cut``: it was not, since too much waited there already."""
        known = self.told.get(user)
        if known is not None and not (cut and known.cut_at is None):
            return
        if known is None and not named and not self.room:
            return
        self.told[user] = Told(at, kind, at if cut else None) if known is None else known._replace(cut_at=at)
        self.changed = True

    def miss(self, user: str, at: float) -> None:
        """The user is one whom it concerns, but has no screen open."""
        if user not in self.told and user not in self.away:
            self.away[user] = at
            self.changed = True

    def ring(self, users: Iterable[str | None], at: float) -> None:
        """Whose telephones ring or talk now."""
        for user in users:
            if user is not None and user not in self.rang:
                self.rang[user] = at
                self.changed = True


class Deliveries:
    """The newest calls that were told of."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, Noting] = OrderedDict()

    def of(self, call_id: str, at: float) -> Noting:
        """What is noted of a call; begun where there is nothing yet."""
        found = self._calls.get(call_id)
        if found is None:
            found = self._calls[call_id] = Noting(call_id, at)
            if len(self._calls) > CALLS_MOST:
                self._calls.popitem(last=False)
        return found

    def changed(self) -> list[Delivery]:
        """What changed since this was last asked."""
        fresh = [one for one in self._calls.values() if one.changed]
        for one in fresh:
            one.changed = False
        return [Delivery(one.call_id, one.at, dict(one.told), dict(one.rang), dict(one.away)) for one in fresh]

    def again(self, unkept: Iterable[Delivery]) -> None:
        """These could not be stored: they are given again."""
        for one in unkept:
            found = self._calls.get(one.call_id)
            if found is not None:
                found.changed = True
