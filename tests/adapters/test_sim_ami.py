"""The simulated manager interface, as any client of a real one would use it."""

from __future__ import annotations

import pytest

from cti_adapters.wire.ami import md5_key
from cti_simulators.ami_server import Account
from cti_simulators.scenarios import SMALL_OFFICE, Scenario
from tests.adapters.sim_rig import START, Client, advance, exchange

CALL = Scenario("phone", "0300005001", to="0312345600", rings=("2001",), ring=2.0, talk=5.0)


def names(client: Client) -> list[str]:
    return [message.name for message in client.events()]


def test_greets_and_signs_in_with_a_plain_secret() -> None:
    pbx, _ = exchange()
    client = Client(pbx)
    assert client.heard()[0].is_banner and client.raw == b"Asterisk Call Manager/11.0.0\r\n"
    client.session.dataReceived(b"Action: Login\r\nActionID: 7\r\nUsername: cti\r\nSecret: secret\r\n\r\n")
    answer, booted = client.heard()
    assert answer.raw.rstrip().split(b"\r\n") == [
        b"Response: Success",
        b"ActionID: 7",
        b"Message: Authentication accepted",
    ]
    assert [key for key, _ in booted.items()] == ["Event", "Privilege", "Uptime", "LastReload", "Status"]


def test_signs_in_with_a_hashed_secret() -> None:
    pbx, _ = exchange()
    client = Client(pbx)
    challenge = client.ask("Challenge", ("AuthType", "MD5")).get("Challenge")
    key = md5_key(challenge, "secret")
    assert client.ask("Login", ("AuthType", "MD5"), ("Username", "cti"), ("Key", key)).response == "Success"


@pytest.mark.parametrize(
    "headers",
    [
        [("Username", "cti"), ("Secret", "wrong")],
        [("Username", "nobody"), ("Secret", "secret")],
        [("Username", "cti"), ("AuthType", "MD5"), ("Key", md5_key("", "secret"))],
    ],
)
def test_a_wrong_sign_in_is_refused_and_cut_off(headers: list[tuple[str, str]]) -> None:
    pbx, _ = exchange()
    client = Client(pbx)
    answer = client.ask("Login", *headers)
    assert (answer.response, answer.get("Message")) == ("Error", "Authentication failed")
    assert client.transport.disconnecting


def test_refuses_as_asterisk_does() -> None:
    small = Account("cti", "secret", write=frozenset({"call"}))
    pbx, _ = exchange(accounts=[small])
    client = Client(pbx)
    assert client.ask("CoreShowChannels").get("Message") == "Permission denied"
    client.sign_in()
    assert client.ask("CoreShowChannels").get("Message") == "Permission denied"
    assert client.ask("Originate", ("Channel", "PJSIP/2001")).get("Message") == "Permission denied"
    assert client.ask("Nonsense").get("Message") == (
        "Invalid/unknown command: Nonsense. Use Action: ListCommands to show available commands."
    )
    client.session.dataReceived(b"Foo: bar\r\n\r\n")
    assert client.heard()[0].get("Message") == "Missing action in request"
    assert client.ask("Challenge", ("AuthType", "SHA")).get("Message") == "Must specify AuthType"


def test_says_that_it_is_shutting_down() -> None:
    pbx, _ = exchange()
    pbx.stopping = True
    client = Client(pbx)
    answer = client.ask("Login", ("Username", "cti"), ("Secret", "secret"))
    assert answer.get("Message") == "Asterisk is shutting down"


def test_pings_and_says_goodbye() -> None:
    pbx, _ = exchange()
    client = Client(pbx).sign_in()
    pong = client.ask("Ping", ("ActionID", "3"))
    assert (pong.get("Ping"), pong.get("ActionID")) == ("Pong", "3")
    assert abs(float(pong.get("Timestamp")) - START) < 1
    assert client.ask("Logoff").response == "Goodbye"
    assert client.transport.disconnecting


def test_each_client_is_told_the_classes_it_asked_for() -> None:
    pbx, clock = exchange()
    everything, records, none = Client(pbx).sign_in(), Client(pbx).sign_in("cdr"), Client(pbx).sign_in("off")
    for client in (everything, records, none):
        client.heard()
    pbx.play(CALL)
    advance(clock, 10)
    assert names(everything).count("Newchannel") == 2
    assert names(records) == ["Cdr"]
    assert names(none) == []
    assert none.ask("Events", ("EventMask", "call,agent")).get("Events") == "On"
    pbx.play(CALL)
    advance(clock, 10)
    assert {"Newchannel", "Hangup"} <= set(names(none))


def test_an_account_is_told_no_more_than_it_may_read() -> None:
    pbx, clock = exchange(accounts=[Account("cti", "secret", read=frozenset({"cdr"}))])
    client = Client(pbx).sign_in("on")
    client.heard()
    pbx.play(CALL)
    advance(clock, 10)
    assert names(client) == ["Cdr"]


def test_lists_what_is_up() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    pbx.play(CALL)
    advance(clock, 4)
    client.heard()
    client.session.dataReceived(b"Action: CoreShowChannels\r\nActionID: 5\r\n\r\n")
    start, *rows, end = client.heard()
    assert (start.get("EventList"), start.get("Message")) == ("start", "Channels will follow")
    assert [row.get("Channel") for row in rows] == ["PJSIP/trunk-00000000", "PJSIP/2001-00000001"]
    assert {row.name for row in rows} == {"CoreShowChannel"} and {row.get("ActionID") for row in rows} == {"5"}
    assert rows[0].get("Duration") == "00:00:04"
    assert (end.name, end.get("EventList"), end.get("ListItems")) == ("CoreShowChannelsComplete", "Complete", "2")
    client.session.dataReceived(b"Action: Status\r\nChannel: PJSIP/2001-00000001\r\n\r\n")
    assert [message.name for message in client.heard()] == ["", "Status", "StatusComplete"]
    assert client.ask("Status", ("Channel", "PJSIP/none-1")).get("Message") == "No such channel"


def test_tells_its_settings_and_commands() -> None:
    pbx, _ = exchange()
    client = Client(pbx).sign_in()
    assert client.ask("CoreSettings").get("AsteriskVersion").startswith("22.")
    assert "originate" in client.ask("ListCommands").get("Originate")


def originate(client: Client, **changed: str) -> str:
    headers = {
        "ActionID": "dial-1",
        "Channel": "PJSIP/2001",
        "Context": "internal",
        "Exten": "09000001234",
        "Priority": "1",
        "CallerID": '"Yobirin" <0312345600>',
        "Async": "true",
        "Timeout": "30000",
    } | changed
    return client.ask("Originate", *headers.items()).get("Message")


def test_click_to_dial_rings_the_extension_then_the_customer() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    assert originate(client) == "Originate successfully queued"
    advance(clock, 60)
    events = client.events()
    told = [(event.name, event.get("DestChannel") or event.get("Channel"), event.get("DialStatus")) for event in events]
    phone, trunk = "PJSIP/2001-00000000", "PJSIP/trunk-00000001"
    wanted = [
        ("DialBegin", phone, ""),
        ("DialState", phone, "RINGING"),
        ("DialEnd", phone, "ANSWER"),
        ("DialBegin", trunk, ""),
        ("DialState", trunk, "RINGING"),
        ("DialEnd", trunk, "ANSWER"),
    ]
    assert [each for each in told if each[0].startswith("Dial")] == wanted
    response = next(event for event in events if event.name == "OriginateResponse")
    assert (response.get("ActionID"), response.get("Response"), response.get("Reason")) == ("dial-1", "Success", "4")
    assert not pbx.switch.channels


def test_click_to_dial_to_an_empty_chair() -> None:
    pbx, clock = exchange()
    pbx.answers = lambda extension, number: {"phone": "rings"}
    client = Client(pbx).sign_in()
    originate(client, Timeout="5000")
    advance(clock, 6)
    events = client.events()
    response = next(event for event in events if event.name == "OriginateResponse")
    assert (response.get("Response"), response.get("Reason")) == ("Failure", "3")
    assert events[-1].name == "Hangup" and not pbx.switch.channels


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"Channel": ""}, "Channel not specified"),
        ({"Exten": "", "Context": ""}, "Extension/Application not specified"),
        ({"Channel": "2001"}, "Invalid channel"),
        ({"Channel": "PJSIP/9999"}, "Originate failed"),
    ],
)
def test_click_to_dial_that_cannot_be(changed: dict[str, str], problem: str) -> None:
    pbx, _ = exchange()
    assert originate(Client(pbx).sign_in(), **changed) == problem


def test_calls_wait_for_a_client_that_does_not_read() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    client.session.pauseProducing()
    pbx.play(CALL)
    advance(clock, 10)
    assert names(client) == []
    client.session.resumeProducing()
    advance(clock, 1)
    heard = client.events()
    assert heard[-1].name == "Hangup"
    spread = float(heard[-1].get("Timestamp")) - float(heard[0].get("Timestamp"))
    assert spread == pytest.approx(7.0, abs=0.1)


def test_begins_with_the_first_listener_only() -> None:
    pbx, _ = exchange(SMALL_OFFICE)
    begun: list[int] = []
    pbx.on_listener = lambda: begun.append(1)
    Client(pbx).sign_in("off")
    assert begun == []
    Client(pbx).sign_in()
    Client(pbx).sign_in()
    assert begun == [1]
