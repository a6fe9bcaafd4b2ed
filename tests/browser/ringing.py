"""A call as the live stream tells of it."""

from __future__ import annotations

import time
from typing import Any


def ringing(call: str = "hq-9.1", **more: Any) -> dict[str, Any]:
    """A customer of the viewer's own calls, and the viewer's telephone rings."""
    card = {
        "code": "100120",
        "name": "大野 誠",
        "kana": "オオノ マコト",
        "class": 2,
        "branch": "121",
        "branch_name": "本店営業部",
        "rep": "801",
        "rep_name": "山田 太郎",
        "match": "exact",
        "contacts": [
            {"at": time.time() - 5e5, "kind": "contact", "channel": "phone", "result": "spoke", "by_name": "山田 太郎"}
        ],
        "open_calls": 1,
    }
    call_ = {
        "id": call,
        "state": "ringing",
        "direction": "in",
        "started_at": time.time() - 7,
        "ringing_at": time.time() - 6,
        "answered_at": None,
        "ended_at": None,
        "disposition": None,
        "ringing": ["2104"],
        "talking": None,
        "queue": None,
        "branch": "121",
        "exchange": "hq",
        "cards": [card],
        "number": "090-0000-0187",
        "number_masked": False,
        "name": None,
        "mine": "ringing",
    }
    return call_ | more


def answered(**more: Any) -> dict[str, Any]:
    """The same, when the viewer has picked up."""
    return ringing(state="talking", ringing=[], talking="2104", answered_at=time.time() - 1, mine="talking", **more)


def ended(disposition: str = "missed", **more: Any) -> dict[str, Any]:
    """The same, when it is over."""
    return ringing(state="ended", ringing=[], ended_at=time.time(), disposition=disposition, mine="rep", **more)
