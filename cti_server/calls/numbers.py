"""What somebody types when they look for a telephone number."""

from __future__ import annotations

import unicodedata
from typing import Final

from cti_server.calls.ports import Sought
from cti_server.shared import phone

LEAST_DIGITS: Final = 4
_PLAN: Final = phone.Plan()


def sought(text: str) -> Sought | None:
    """A whole number in any form, else the last four to eight digits; null for what is no number."""
    folded = unicodedata.normalize("NFKC", text)
    if any(sign.isalpha() for sign in folded):
        return None
    digits = "".join(sign for sign in folded if sign.isdecimal())
    if len(digits) < LEAST_DIGITS:
        return None
    whole = phone.e164(folded, _PLAN)
    return Sought(whole=whole) if whole else Sought(last=digits[-phone.TAIL_DIGITS :])
