"""What testers ask of simulated exchanges, on its way to the daemon."""

from __future__ import annotations

from typing import Final

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Audit, Outbox
from cti_server.exchanges.playing import Play

PLAY_ROW: Final = "play"
"""Kind of the outbox row that asking leaves."""


class PlayShelf:
    """``cti_server.exchanges.playing.PlayShelf`` over a unit of work."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def leave(self, play: Play) -> None:
        """Leaves a row for the daemon, and notes in the trail that a scenario was played (not each pause)."""
        body = {
            "exchange": play.exchange,
            "command": play.command,
            "by": play.by,
            "text": play.text,
            "speed": play.speed,
        }
        self._session.add(Outbox(kind=PLAY_ROW, body=body, at=play.at))
        if play.command == "play":
            about = {"subject_kind": "exchange", "subject_id": play.exchange}
            self._session.add(
                Audit(at=play.at, user=play.by, act="played a scenario", detail={"speed": play.speed}, **about)
            )
