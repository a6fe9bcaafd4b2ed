"""The simulator writes records of any make, and what comes out of the product's reading is what the scenario says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from cti_adapters.profiles import profile_named, profiles
from cti_server.cli import main
from cti_server.commands.simulate import check, sentences, shipped
from cti_simulators.faults import Faults
from cti_simulators.record_sender import RecordExchange, Talker, into_file
from cti_simulators.records import written
from cti_simulators.rehearsal import BEGIN, RecordRehearsal
from cti_simulators.scenarios import SMALL_OFFICE, load, loads

NAMES = [profile.name for profile in profiles() if profile.writes]
FOLDER = Path(__file__).parents[2] / "config" / "scenarios"
CALL = '[[call]]\nat = 1\ntitle = "one"\ncaller = "0300005001"\nto = "0312345600"\nrings = ["2001"]\n'


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_scenario_comes_out_of_the_records_of_every_make(name: str) -> None:
    profile, said = profile_named(name), 0
    for path in shipped():
        comparison = check(load(path), profile=profile)
        assert not sentences(comparison), path.stem
        said += len(comparison.calls)
    assert said >= 60, "a make that writes fewer calls than that leaves out what it can say"


@pytest.mark.parametrize("name", NAMES)
def test_what_every_make_says(name: str) -> None:
    (call,) = written(profile_named(name), loads(CALL + "ring = 4\ntalk = 61\n"), SMALL_OFFICE, BEGIN)
    assert call.at == BEGIN + 1 + 4 + 61
    unsaid = name == "vodavi"  # it doesn't tell whether an incoming call was taken
    assert (call.expect["answered"], call.expect["talk_seconds"]) == (("", "") if unsaid else (True, 61))


def test_what_a_make_does_not_say_is_null() -> None:
    file = loads(CALL + "ring = 4\ntalk = 61\n")
    (vodavi,) = written(profile_named("vodavi"), file, SMALL_OFFICE, BEGIN)
    (avaya,) = written(profile_named("avaya-ipoffice"), file, SMALL_OFFICE, BEGIN)
    assert (vodavi.expect["ring_seconds"], avaya.expect["ring_seconds"]) == ("", 4)
    assert avaya.expect["answered_by_extension"] == "2001"


def test_no_power_leaves_no_record_and_a_restart_a_short_one() -> None:
    stop = '[[exchange]]\ndoes = "%s"\nat = 11\n'
    profile = profile_named("avaya-ipoffice")
    assert written(profile, loads(CALL + stop % "kill"), SMALL_OFFICE, BEGIN) == []
    (short,) = written(profile, loads(CALL + stop % "restart"), SMALL_OFFICE, BEGIN)
    assert (short.at, short.expect["talk_seconds"]) == (BEGIN + 11, 6)


@pytest.mark.parametrize(
    "faults",
    [Faults(piece_bytes=3), Faults(split_characters=True), Faults(together_seconds=0.4), Faults(reorder=0.5)],
    ids=["tiny", "split", "together", "reorder"],
)
def test_how_the_records_travel_changes_nothing(faults: Faults) -> None:
    assert not sentences(check(load(FOLDER / "kinds.toml"), faults, profile=profile_named("avaya-ipoffice")))


def test_the_same_file_and_seed_give_the_same_bytes() -> None:
    def sent(seed: int) -> list[tuple[float, bytes]]:
        played = RecordRehearsal(
            load(FOLDER / "kinds.toml"), profile_named("mitel"), Faults(garbage=0.5, duplicate=0.3), seed
        )
        played.play()
        return [(each.at, each.data) for each in played.sent]

    assert sent(3) == sent(3) != sent(4)


def talker(exchange: RecordExchange) -> tuple[Talker, StringTransport]:
    made, transport = Talker(exchange), StringTransport()
    made.makeConnection(transport)
    return made, transport


def test_records_wait_until_somebody_listens_and_who_has_to_sign_in_is_asked() -> None:
    exchange = RecordExchange(Clock(), profile_named("panasonic-a"), BEGIN)
    exchange.tell(b"kept\r\n")
    listener, transport = talker(exchange)
    assert transport.value() == b"-"
    for said in (b"SM", b"DR\r\n", b"secret\r\n"):
        listener.dataReceived(said)
    exchange.tell(b"told\r\n")
    assert transport.value() == b"-Enter Password:kept\r\ntold\r\n"
    listener.connectionLost()
    exchange.tell(b"again\r\n")
    assert list(exchange.kept) == [b"again\r\n"]


def test_records_are_appended_to_a_file(tmp_path: Path) -> None:
    exchange = RecordExchange(Clock(), profile_named("vodavi"), BEGIN)
    path = tmp_path / "smdr.log"
    into_file(exchange, path)
    exchange.tell(b"one\r\n")
    path.rename(tmp_path / "smdr.log.1")
    exchange.tell(b"two\r\n")
    assert path.read_bytes() == b"two\r\n"
    with pytest.raises(ValueError, match="can't be written"):
        into_file(exchange, tmp_path / "none" / "smdr.log")


def test_the_command_serves_records_to_whoever_connects() -> None:
    command = [sys.executable, "-c", "from cti_server.cli import main; main()", "simulate", "--scenario", "busy"]
    with subprocess.Popen([*command, "--smdr", "avaya-ipoffice"], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        assert served.stdout.readline().startswith("listening on 127.0.0.1:")
        served.terminate()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "busy", "--smdr", "nobody"], "nobody"),
        (["--scenario", "busy", "--connect", "localhost:1"], "name the make with --smdr"),
        (["--scenario", "busy", "--smdr", "mitel", "--connect", "localhost"], "--connect takes HOST:PORT"),
        (["--scenario", "busy", "--smdr", "mitel", "--connect", "h:1", "--file", "x"], "not to both"),
        (["--load", "5", "--smdr", "mitel"], "a load speaks AMI"),
        (["--scenario", "busy", "--smdr", "avaya-cm"], "only says how records are read; these can be written: 3cx"),
        (["--check", "busy", "--smdr", "cisco-cucm"], "only says how records are read"),
    ],
)
def test_the_command_says_what_cannot_be_done(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments]) == 1
    assert said in capsys.readouterr().err
