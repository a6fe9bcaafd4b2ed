"""What the settings say about reviewing (``[review]``)."""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.settings import ReviewSettings

MINUTE = 60.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Lengths in seconds, but for those in business hours of a branch."""

    claim_window: float = 240 * MINUTE
    """A record explains itself by a call that began so long before or after it."""
    request_hours: float = 8.0
    """Business hours that a record which is asked for may take, unless the reviewer says otherwise."""
    remind_hours: float = 2.0
    """Business hours before the deadline at which who is asked is reminded; 0: only at the deadline."""
    escalate_hours: float = 4.0
    """Business hours after the deadline at which the managers of the branch are told."""


def policy_of(settings: ReviewSettings) -> ReviewPolicy:
    """The policy that a settings file asks for."""
    return ReviewPolicy(
        claim_window=settings.claim_window_minutes * MINUTE,
        request_hours=settings.request_hours,
        remind_hours=settings.remind_hours,
        escalate_hours=settings.escalate_hours,
    )
