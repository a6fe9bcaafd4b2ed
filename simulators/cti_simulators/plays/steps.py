"""The steps that scripts have in common: a call arrives, a phone is rung, picked up, joined, hung up, written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cti_simulators.scenarios import WITHHELD, Scenario, Site
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
    rows: list[tuple[Channel | None, float, float | None, float, str]] = field(default_factory=list)
    """Complete rows: destination, start, answer, end, disposition; Asterisk tells them when the caller is gone."""


class Hands:
    """One exchange's switch, its site and its simulated time (``now``: epoch seconds)."""

    def __init__(self, switch: Switch, site: Site, now: Callable[[], float]) -> None:
        self.switch = switch
        self.site = site
        self.now = now

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
        return Call(made, scenario, since=self.now())

    def offer(self, call: Call, extension: str, options: str = "20,tT") -> Channel:
        """The dialplan's Dial() rings a phone; the phone hasn't answered that it rings yet."""
        switch, caller = self.switch, call.caller
        callee = switch.channel(extension, 0, self.display(extension), "internal", "s", caller)
        callee.exten = caller.exten
        switch.connected(callee, caller.caller)
        switch.dial_begin(caller, callee, extension)
        switch.connected(caller, callee.caller)
        call.data, call.callee = f"PJSIP/{extension},{options}", callee
        return callee

    def ringing(self, caller: Channel | None, callee: Channel) -> None:
        """The phone says that it rings."""
        self.switch.state(callee, 5)
        self.switch.dial_state(caller, callee)

    def pick_up(self, call: Call, callee: Channel) -> None:
        """The rung phone is answered and joined with the caller."""
        switch, caller = self.switch, call.caller
        switch.state(callee, 6)
        callee.exten = ""
        switch.dial_end(caller, callee, "ANSWER")
        if caller.state != 6:
            switch.state(caller, 6)
        if call.answered is None:
            call.answered = self.now()
        call.callee = callee
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
        call.rows.append((call.callee, call.since, call.answered, self.now(), disposition))
        call.since = self.now()
        call.answered = self.now() if call.answered is not None else None

    def tell(self, call: Call) -> None:
        """The record's rows are told, as the caller's channel ends."""
        for destination, started, answered, ended, disposition in call.rows:
            self.switch.cdr(
                CdrRow(call.caller, destination, call.application, call.data, started, answered, ended, disposition)
            )
        call.rows.clear()

    def hang_up(self, call: Call, *, cause: int | None = 16) -> None:
        """One side of a joined call hangs up. ``cause`` null: the header is missing, as after a queue."""
        self.note(call, "ANSWERED")
        callee, bridge = call.callee, call.bridge
        if callee is None or bridge is None:
            raise RuntimeError("only a call that was answered can be hung up")
        if call.scenario.hangup == "caller":
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
