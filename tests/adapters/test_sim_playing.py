"""A scenario is played on a simulated exchange that is in use, as a client asks for it."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from cti_server.commands.simulate import shipped
from cti_simulators.playing import on_site
from cti_simulators.scenarios import SMALL_OFFICE, Scenario, Site, load, loads
from tests.adapters.sim_rig import Client, advance, exchange

CALL = '[[call]]\nat = 1\ncaller = "0300005001"\nto = "0312345600"\nrings = ["2001"]\nring = 4\ntalk = 10\n'
OTHER = Site("osaka", {"3101": "O1", "3102": "O2", "3103": "O3", "3104": "O4"}, "0661234500")


def ask(client: Client, command: str, text: str = "", **more: str) -> str:
    scenario = [("Scenario", base64.b64encode(text.encode()).decode())] if text else []
    answer = client.ask("Simulate", ("Command", command), *scenario, *more.items())
    return answer.get("Message") if answer.response == "Error" else ""


def names(client: Client) -> list[str]:
    return [message.name for message in client.events()]


def test_it_is_played_beside_the_traffic_at_its_own_speed_with_the_times_of_the_clock() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    pbx.play(Scenario("phone", "0312345678", to="0312345600", rings=("2002",), ring=3.0, talk=8.0))
    assert ask(client, "play", CALL, Speed="10") == ""
    advance(clock, 3.0)
    heard = client.events()
    ended = [each for each in heard if each.name == "Hangup" and each.get("Channel").startswith("PJSIP/2001")]
    begun = [each for each in heard if each.get("CallerIDNum") == "0300005001" and each.name == "Newchannel"]
    assert float(ended[0].get("Timestamp")) - float(begun[0].get("Timestamp")) == pytest.approx(1.4, abs=0.1)
    assert begun[0].get("CallerIDName") == "SIM"
    assert [channel.name[:10] for channel in pbx.switch.channels.values()] == ["PJSIP/trun", "PJSIP/2002"]


def test_it_is_paused_stepped_gone_on_with_and_stopped() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    ask(client, "play", CALL)
    advance(clock, 0.5)
    ask(client, "pause")
    advance(clock, 30.0)
    assert "Newchannel" not in names(client)
    ask(client, "step")
    assert len(pbx.switch.channels) == 1
    ask(client, "resume")
    advance(clock, 8.0)
    assert "BridgeEnter" in names(client)
    ask(client, "stop")
    assert not pbx.switch.channels
    advance(clock, 30.0)
    assert names(client) == []


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        ("dance", "", "there is no command “dance”; there are play, pause"),
        ("play", CALL + "talk = inf\n", "this is not TOML"),
        ("play", CALL.replace("2001", "2009"), "there is no extension 2009"),
        ("play", CALL * 501, "more than 500 calls"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(command: str, text: str, said: str) -> None:
    assert said in ask(Client(exchange()[0]).sign_in(), command, text)


def test_an_exchange_with_too_few_telephones_says_so() -> None:
    small = replace(OTHER, extensions={"3101": "O1"})
    assert "has 1 telephones" in ask(Client(exchange(small)[0]).sign_in(), "play", CALL)


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_scenario_is_played_with_the_telephones_that_there_are(path: Path) -> None:
    file = on_site(load(path), OTHER)
    for scenario in file.call:
        OTHER.check(scenario)
    if not any(each.does in ("kill", "restart") for each in file.exchange):
        pbx, clock = exchange(OTHER)
        pbx.player.play(load(path), 50.0)
        advance(clock, 8.0)
        assert not pbx.switch.channels and not pbx.player.stage.waiting


def test_the_same_telephones_stay_the_same() -> None:
    file = loads(CALL)
    assert on_site(file, SMALL_OFFICE).call[0].rings == ("2001",)
    assert on_site(file, OTHER).call[0].rings == ("3101",)
