"""Which entries of a call's trail a reader may carry away word for word, and of which only the proof (spec/50). Pure.

What a page leaves out of a step (a colleague who sees another candidate, a reason that is not for the reader) can't be
left out of an entry that is proven as a whole: of such an entry the pack has when, who and what, and a digest of the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cti_server.calls.ports import SeenCall
from cti_server.calls.showing import Names

Rule = Callable[[str | None, Mapping[str, Any]], bool]
"""(who acted, detail) -> whether the detail may be carried away."""

HARMLESS: Final = frozenset(
    {"match", "history", "kind", "channel", "dial", "until", "fields", "into", "token", "what", "why", "pack"}
)
"""Names nobody but who reads the call's own page anyway."""
_PEOPLE: Final = frozenset({"users", "before", "receiver", "by"})
_CUSTOMERS: Final = frozenset({"picked", "customer"})


def rule(names: Names, seen: SeenCall, reader: str, readable: Callable[[str], bool]) -> Rule:
    """The rule for the entries of a call. ``readable``: whether the reader may read what a colleague wrote about it."""
    codes = {customer.code for customer in seen.customers}

    def known(user: Any) -> bool:
        return not user or user == reader or (isinstance(user, str) and bool(names.person_who_sees(user, seen)))

    def may(author: str | None, detail: Mapping[str, Any]) -> bool:
        for name, value in detail.items():
            if name in _PEOPLE:
                good = all(map(known, value)) if isinstance(value, list) else known(value)
            elif name in _CUSTOMERS:
                good = value is None or value in codes
            elif name == "reason":
                good = not value or author is None or readable(author)
            else:
                good = name in HARMLESS
            if not good:
                return False
        return True

    return may


def named(names: Names, seen: SeenCall, detail: Mapping[str, Any]) -> bool:
    """Whether an entry that names colleagues names one whom the reader may know of: else it would say that there are
    other candidates, and is left out."""
    people = detail.get("users")
    if not isinstance(people, list) or not people:
        return True
    return any(names.person_who_sees(user, seen) for user in people if isinstance(user, str))
