"""That a call needs no record though a rule says so: one person gives the reason, another decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from cti_server.shared.errors import Conflict, Invalid

State = Literal["asked", "approved", "refused", "withdrawn"]
HOLDING: Final = ("asked", "approved")
"""While one of these is there, no other is asked for."""
REASON_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Exemption:
    """One of them. Times are epoch seconds, UTC."""

    id: int
    call_id: str
    reason: str
    state: State
    asked_by: str
    asked_at: float
    decided_by: str = ""
    decided_at: float | None = None
    answer: str = ""
    asked_by_name: str = ""
    decided_by_name: str = ""


def check_decision(exemption: Exemption, user: str) -> None:
    """Whether this user may approve or refuse it. Raises Invalid or Conflict with a sentence where not."""
    if exemption.state != "asked":
        raise Conflict("This exemption was decided already; look at it again")
    if exemption.asked_by == user:
        raise Invalid(
            "You asked for this exemption yourself; a second person has to decide about it", "approve", "own-exemption"
        )


def check_withdrawal(exemption: Exemption) -> None:
    """Whether it can be taken back. Raises Conflict with a sentence where not."""
    if exemption.state not in HOLDING:
        raise Conflict("This exemption does not hold any more; look at it again")


def one_line(text: str) -> str:
    """A reason in one line. Raises Invalid where there is none, or too long a one."""
    bare = " ".join(text.split())
    if not bare:
        raise Invalid("The reason is missing; write a few words", "reason", "reason-missing")
    if len(bare) > REASON_LONGEST:
        raise Invalid("The reason is longer than 200 characters; shorten it", "reason", "reason-long")
    return bare
