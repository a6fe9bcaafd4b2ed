"""What the settings say about reviewing (``[review]``)."""

from __future__ import annotations

from dataclasses import dataclass

from cti_server.settings import ReviewSettings

MINUTE = 60.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """Lengths in seconds."""

    claim_window: float = 240 * MINUTE
    """A record explains itself by a call that began so long before or after it."""


def policy_of(settings: ReviewSettings) -> ReviewPolicy:
    """The policy that a settings file asks for."""
    return ReviewPolicy(claim_window=settings.claim_window_minutes * MINUTE)
