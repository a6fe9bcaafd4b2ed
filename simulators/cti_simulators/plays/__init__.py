"""How calls go: one script per kind of call, built of the steps of ``switch``.

The order of events within each step is that of the recorded traces of a real Asterisk (``tests/golden``); threads of a
real one race, so the order of events of different channels within a few milliseconds is one of several that were seen.
"""

from __future__ import annotations

from cti_simulators.plays.conference import conference
from cti_simulators.plays.forwarding import forwarded
from cti_simulators.plays.inbound import phone
from cti_simulators.plays.outbound import click_to_dial, outbound
from cti_simulators.plays.queueing import queue
from cti_simulators.plays.steps import Hands
from cti_simulators.scenarios import Scenario
from cti_simulators.stage import Script


def script(hands: Hands, scenario: Scenario) -> Script:
    """The script of a scenario."""
    if scenario.kind == "queue":
        return queue(hands, scenario)
    if scenario.kind == "outbound":
        return outbound(hands, scenario)
    if scenario.kind == "click-to-dial":
        return click_to_dial(hands, scenario)
    if scenario.kind == "conference":
        return conference(hands, scenario)
    if scenario.forward:
        return forwarded(hands, scenario)
    return phone(hands, scenario)
