"""Calls told by hand, event by event, for what no recording shows."""

from __future__ import annotations

from collections.abc import Callable

from cti_adapters.wire.ami_events import channel_parts
from cti_server.calls import events
from cti_server.calls.events import DialStatus, Event, LegState
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.shared.positions import Position

BEGINNING = 1_800_000_000.0


class Stage:
    """An exchange that does as it is told. Time stands still until `wait`."""

    def __init__(
        self, plan: ExchangePlan | None = None, party: Callable[[str | None], str | None] | None = None
    ) -> None:
        self.now = BEGINNING
        plan = plan or ExchangePlan(id="x", branch="121")
        self.folder = Folder(plan, party) if party else Folder(plan)
        self.fed: list[Event] = []
        self.logs: dict[str, CallLog] = {}
        self._serial = 0
        self._groups: dict[str, str] = {}

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def feed(self, event: Event) -> None:
        self.folder.feed(event, Position(len(self.fed), 0))
        self.fed.append(event)
        for log in self.folder.changed():
            self.logs[log.id] = log

    # ------------------------------------------------------------------ what happens
    def leg(
        self,
        name: str,
        state: LegState = "down",
        *,
        of: str | None = None,
        number: str = "",
        shown: str = "",
        dialled: str = "s",
    ) -> str:
        """A channel comes to be: ``PJSIP/2001``, ``PJSIP/trunk``, ``Local/2001@x;1`` (the serial number is added)."""
        self._serial += 1
        id = f"{int(self.now)}.{self._serial}"
        base, _, half = name.partition(";")
        channel = f"{base}-{self._serial - (half == '2'):08x}" + (f";{half}" if half else "")
        self._groups[id] = self._groups[of] if of else id
        peer, inner, pair = channel_parts(channel)
        self.feed(
            events.LegCreated(self.now, id, self._groups[id], channel, peer, inner, pair, state, number, shown, dialled)
        )
        return id

    def caller(self, number: str = "0312340000", dialled: str = "0312345600", shown: str = "") -> str:
        """Somebody calls in."""
        return self.leg("PJSIP/trunk", "ring", number=number, shown=shown, dialled=dialled)

    def phone(self, extension: str, of: str) -> str:
        """The exchange calls an extension."""
        return self.leg(f"PJSIP/{extension}", of=of)

    def dial(self, leg: str, target: str, *, dialled: str = "", asked: str = "", presented: str = "") -> None:
        self.feed(events.DialBegun(self.now, leg, target, dialled, asked, presented))

    def ring(self, leg: str) -> None:
        self.feed(events.LegChanged(self.now, leg, "ringing"))

    def up(self, leg: str) -> None:
        self.feed(events.LegChanged(self.now, leg, "up"))

    def dial_ended(self, leg: str, target: str, status: DialStatus, *, forwarded: bool = False) -> None:
        self.feed(events.DialEnded(self.now, leg, target, status, forwarded))

    def answer(self, leg: str, target: str) -> None:
        """The target answers what was dialled for the leg."""
        self.up(target)
        self.dial_ended(leg, target, "answered")

    def bridge(self, id: str, *legs: str, connects: bool = True) -> None:
        for leg in legs:
            self.feed(events.Bridged(self.now, leg, self._groups.get(leg, leg), id, connects))

    def unbridge(self, id: str, *legs: str) -> None:
        for leg in legs:
            self.feed(events.Unbridged(self.now, leg, id))

    def hangs_up(self, leg: str, cause: int | None = 16) -> None:
        self.feed(events.HangupRequested(self.now, leg, cause))

    def gone(self, *legs: str, cause: int = 16) -> None:
        for leg in legs:
            self.feed(events.LegEnded(self.now, leg, self._groups.get(leg, leg), cause))

    def swept(self, seconds: float) -> None:
        self.wait(seconds)
        self.feed(events.Swept(self.now))

    # ------------------------------------------------------------------ whole pieces
    def talk(self, leg: str, extension: str, bridge: str) -> str:
        """An extension is called for a leg, rings for two seconds and answers."""
        phone = self.phone(extension, leg)
        self.dial(leg, phone)
        self.ring(phone)
        self.wait(2)
        self.answer(leg, phone)
        self.up(leg)
        self.bridge(bridge, phone, leg)
        return phone

    # ------------------------------------------------------------------ what was told
    def calls(self) -> list[CallLog]:
        """All calls that count, in the order of their beginning."""
        return sorted(
            (log for log in self.logs.values() if log.merged_into is None), key=lambda log: (log.started_at, log.id)
        )

    def call(self) -> CallLog:
        """The only one."""
        (log,) = self.calls()
        return log
