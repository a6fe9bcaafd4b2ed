"""The steps that scripts have in common: a call arrives, a phone is rung, picked up, joined, hung up, written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cti_simulators.scenarios import WITHHELD, Scenario, Side, Site
from cti_simulators.stage import Script
from cti_simulators.switch import Bridge, CdrRow, Channel, Party, Switch

RINGS_AFTER = 0.1
"""Seconds until a phone that is called says that it rings."""
GAP = 0.0004
"""Seconds that a step of the dialplan takes."""


@dataclass(slots=True)
class Call:
    """One call while it is played."""

    caller: Channel
    scenario: Scenario
    data: str = ""
    """What the exchange's record says of the dialplan's last step."""
    application: str = "Dial"
    callee: Channel | None = None
    bridge: Bridge | None = None
    since: float = 0.0
    """When the present row of the record began."""
    answered: float | None = None
    """When the present row of the record says that it was answered."""
    rows: list[CdrRow] = field(default_factory=list)
    """Complete rows; Asterisk tells them when the caller is gone."""


class Hands:
    """One exchange's switch, its site and its simulated time (``now``: epoch seconds)."""

    def __init__(self, switch: Switch, site: Site, now: Callable[[], float]) -> None:
        self.switch = switch
        self.site = site
        self.now = now
        self.calls: list[Call] = []
        """Those that have arrived; ``up`` are those that are still there."""

    @property
    def up(self) -> list[Call]:
        """The calls whose caller is still there."""
        self.calls = [call for call in self.calls if call.caller.uniqueid in self.switch.channels]
        return self.calls

    def display(self, extension: str) -> Party:
        """An extension with the name on its display."""
        return Party(extension, self.site.extensions.get(extension, ""))

    def arrive(self, scenario: Scenario) -> Call:
        """The caller's channel comes up: from the trunk, or from an extension."""
        if scenario.caller in self.site.extensions:
            made = self.switch.channel(scenario.caller, 4, self.display(scenario.caller), "internal", scenario.to)
        else:
            name = scenario.name or ("Anonymous" if scenario.caller == WITHHELD else "")
            made = self.switch.channel(self.site.trunk, 4, Party(scenario.caller, name), "from-trunk", scenario.to)
        call = Call(made, scenario, since=self.now())
        self.calls = [*self.up, call]
        return call

    def offer(self, call: Call, extension: str, options: str = "20,tT") -> Channel:
        """The dialplan's Dial() rings a phone; the phone hasn't answered that it rings yet."""
        callee = self._called(call, extension)
        self.switch.dial_begin(call.caller, callee, extension)
        self.switch.connected(call.caller, callee.caller)
        call.data, call.callee = f"PJSIP/{extension},{options}", callee
        return callee

    def offer_all(self, call: Call, extensions: Sequence[str], options: str = "20,tT") -> list[Channel]:
        """The same for several phones at once (a ring group): the caller isn't told yet who it is going to be."""
        if len(extensions) == 1:
            return [self.offer(call, extensions[0], options)]
        phones = [self._called(call, extension) for extension in extensions]
        for phone in phones:
            self.switch.dial_begin(call.caller, phone, phone.caller.number)
        call.data = "&".join(f"PJSIP/{extension}" for extension in extensions) + f",{options}"
        call.callee = phones[0]
        return phones

    def _called(self, call: Call, extension: str) -> Channel:
        callee = self.switch.channel(extension, 0, self.display(extension), "internal", "s", call.caller)
        callee.exten = call.caller.exten
        self.switch.connected(callee, call.caller.caller)
        return callee

    def ringing(self, caller: Channel | None, callee: Channel) -> None:
        """The phone says that it rings."""
        self.switch.state(callee, 5)
        self.switch.dial_state(caller, callee)

    def pick_up(self, call: Call, callee: Channel, losers: Sequence[Channel] = ()) -> None:
        """The rung phone is answered and joined with the caller; the others of its group stop ringing."""
        switch, caller = self.switch, call.caller
        switch.state(callee, 6)
        callee.exten = ""
        if losers:
            switch.connected(caller, callee.caller)
        for loser in losers:
            switch.dial_end(caller, loser, "CANCEL")
        self.note_phones(call, losers)
        switch.dial_end(caller, callee, "ANSWER")
        if caller.state != 6:
            switch.state(caller, 6)
        if call.answered is None:
            call.answered = self.now()
        call.callee = callee
        for loser in losers:
            switch.hangup(loser, 26)
        self.join(call, callee)

    def join(self, call: Call, callee: Channel) -> None:
        """Callee and caller hear each other."""
        bridge = self.switch.bridge()
        self.switch.enter(bridge, callee)
        self.switch.enter(bridge, call.caller)
        bridge.technology = "native_rtp"
        call.bridge, call.callee = bridge, callee

    def note(self, call: Call, disposition: str) -> None:
        """Completes the present row of the record and begins the next."""
        call.rows.append(self._row(call, call.callee, call.answered, disposition))
        call.since = self.now()
        call.answered = self.now() if call.answered is not None else None

    def note_phones(self, call: Call, phones: Sequence[Channel]) -> None:
        """A row for each phone that rang and was not answered."""
        call.rows += [self._row(call, phone, None, "NO ANSWER") for phone in phones]

    def _row(self, call: Call, phone: Channel | None, answered: float | None, disposition: str) -> CdrRow:
        return CdrRow(call.caller, phone, call.application, call.data, call.since, answered, self.now(), disposition)

    def tell(self, call: Call) -> None:
        """The record's rows are told as the caller's channel ends, in the order in which the phones were called."""
        for row in sorted(call.rows, key=_order):
            self.switch.cdr(row)
        call.rows.clear()

    def hang_up(self, call: Call, *, cause: int | None = 16, by: Side | None = None) -> None:
        """One side of a joined call hangs up: ``by``, unless it is the one that the scenario names. ``cause`` null:
        the header is missing, as after a pickup."""
        self.note(call, "ANSWERED")
        callee, bridge = call.callee, call.bridge
        if callee is None or bridge is None:
            raise RuntimeError("only a call that was answered can be hung up")
        if (by or call.scenario.hangup) == "caller":
            self._by_caller(call, callee, bridge, cause)
        else:
            self._by_callee(call, callee, bridge, cause)

    def _by_caller(self, call: Call, callee: Channel, bridge: Bridge, cause: int | None) -> None:
        switch, caller = self.switch, call.caller
        switch.hangup_request(caller, cause)
        switch.leave(bridge, caller)
        switch.soft_hangup(caller)
        switch.leave(bridge, callee)
        switch.destroy(bridge)
        switch.hangup(caller)
        self.tell(call)
        switch.hangup(callee)

    def _by_callee(self, call: Call, callee: Channel, bridge: Bridge, cause: int | None) -> None:
        switch, caller = self.switch, call.caller
        switch.hangup_request(callee, cause)
        switch.leave(bridge, callee)
        switch.leave(bridge, caller)
        switch.destroy(bridge)
        switch.soft_hangup(caller)
        switch.hangup(callee)
        switch.hangup(caller)
        self.tell(call)


def wait(seconds: float) -> Script:
    """Waits; nothing if there is no time left."""
    if seconds > 0:
        yield seconds


def _order(row: CdrRow) -> float:
    return row.destination.born if row.destination is not None else row.started
