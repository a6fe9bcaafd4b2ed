"""Mails out through a real SMTP server: taken, refused, away, over TLS, with a login; and the demo's own mailbox."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.ssl import Certificate
from twisted.internet.task import Cooperator

from cti_adapters import mail as mails
from cti_adapters import mailbox as boxes
from cti_adapters.mail import Mailer, as_bytes
from cti_adapters.mailbox import Mailbox
from cti_adapters.storage import mapping
from cti_adapters.storage.mail_queue import QueuedMail
from cti_adapters.storage.work import Database
from cti_server.settings import MailSettings
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import EVERYTHING, Label
from cti_web import mail_problems
from cti_web.mailbox import letters
from tests.adapters.reactors import run, sleep, until
from tests.adapters.storage_rig import NOW, FixedClock, make_database, put

BODY = "AA NNN 様 (顧客コード 100101)\nお世話になっております。\n.先頭の点\n" + "長い行。" * 300


class Received:
    """What a mail server does with what it gets."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.mail_from or "", envelope.rcpt_tos, message))
        return "250 taken"


class RealServer:
    """aiosmtpd in its own thread."""

    def __init__(self, received: Received, port: int = 0, **options: Any) -> None:
        self.received = received
        port = port or free_port()
        self._controller = Controller(received, hostname="127.0.0.1", port=port, **options)
        self._controller.start()
        self.port = port

    def close(self) -> None:
        self._controller.stop()


@dataclass(frozen=True)
class Server:
    """Settings whose secret is given outright."""

    host: str = "127.0.0.1"
    port: int = 25
    security: str = "none"
    username: str = ""
    sender: str = "本店営業部 <yobirin@firm.example>"
    password: str = ""

    def secret(self) -> str:
        return self.password


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = make_database(tmp_path)
    yield found
    found.close()


@pytest.fixture
def server() -> Iterator[RealServer]:
    with closing(RealServer(Received())) as found:
        yield found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, with its key."""
    folder = tmp_path_factory.mktemp("keys")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin)
    made = made.not_valid_after(begin + timedelta(days=30)).add_extension(names, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = made.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def context(keys: tuple[Path, Path]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*keys)
    return made


def queue(database: Database, to: str = "nakamura@customer.example", **more: Any) -> None:
    columns = {"subject": "お電話の件", "body": BODY, "reply_to": "yamada@firm.example", "user": "801"}
    columns |= {"state": "queued", "asked_at": NOW, "next_try": NOW, "tries": 0, "problem": ""}
    put(database, mapping.Mail(mail_to=to, **(columns | more)))


def states(database: Database) -> list[tuple[str, str]]:
    with database.open(EVERYTHING) as work:
        return [(row.state, row.problem) for row in work.session.query(mapping.Mail).order_by(mapping.Mail.id)]


def going(
    database: Database,
    settings: Server | MailSettings,
    done: Callable[[], Any],
    clock: FixedClock | None = None,
    **options: Any,
) -> list[WorkChanged]:
    """Lets a mailer work until `done`; gives the notices that it published."""
    notices: list[WorkChanged] = []

    async def scenario(reactor: Any) -> None:
        mailer = Mailer(reactor, database, clock or FixedClock(), settings, notices.append, **options)
        # Twisted's TLS hands what is written to the cooperator of its one global reactor; here it is this one's.
        cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0, step))
        with patch("twisted.internet._producer_helpers.cooperate", cooperator.cooperate):
            mailer.start()
            try:
                await until(reactor, done)
            finally:
                await mailer.stop()

    run(scenario)
    return notices


# --- taken


def test_a_mail_goes_out_as_it_was_written(database: Database, server: RealServer) -> None:
    queue(database)
    going(database, Server(port=server.port), lambda: states(database) == [("sent", "")])
    ((sender, to, message),) = server.received.mails
    assert (sender, to) == ("yobirin@firm.example", ["nakamura@customer.example"])
    assert message["Subject"] == "お電話の件"
    assert str(message["From"]) == "本店営業部 <yobirin@firm.example>"
    assert message["To"] == "nakamura@customer.example"
    assert message["Reply-To"] == "yamada@firm.example"
    assert message["Date"].datetime == datetime.fromtimestamp(NOW, UTC)
    assert message["Message-ID"].endswith("@firm.example>")
    assert message.get_content().rstrip("\n") == BODY


def test_who_sees_the_mail_is_told_that_it_is_sent(database: Database, server: RealServer) -> None:
    put(
        database,
        mapping.Sight(
            call_id="hq-1", item_id=7, kind="customer", tier=2, customer_code="100101", branch="121", rep="801",
            confidentiality=2, match="exact", started_at=NOW, direction="in",
        ),
        mapping.Sight(
            call_id="hq-1", item_id=7, kind="customer", tier=2, customer_code="100102", branch="121", rep="802",
            confidentiality=2, match="exact", started_at=NOW, direction="in",
        ),
    )  # fmt: skip
    queue(database, item_id=7, customer_code="100101")
    notices = going(database, Server(port=server.port), lambda: states(database) == [("sent", "")])
    assert notices == [WorkChanged((Label("customer", "121", "801", 2),), (), (7,), ("801",))]


def test_many_mails_all_go_out_once(database: Database, server: RealServer) -> None:
    for number in range(30):
        queue(database, f"c{number}@customer.example")
    going(database, Server(port=server.port), lambda: states(database) == [("sent", "")] * 30)
    assert sorted(to[0] for _, to, _ in server.received.mails) == sorted(f"c{n}@customer.example" for n in range(30))


def test_what_is_queued_while_it_runs_goes_out_at_once_when_woken(database: Database, server: RealServer) -> None:
    async def scenario(reactor: Any) -> None:
        mailer = Mailer(reactor, database, FixedClock(), Server(port=server.port), lambda _: None)
        mailer.start()
        await sleep(reactor, 0.1)
        queue(database)
        mailer.wake()
        await until(reactor, lambda: states(database) == [("sent", "")])
        await mailer.stop()

    run(scenario)


# --- refused


def test_an_address_that_is_refused_for_good_fails_with_the_reason_and_holds_nobody_up(
    database: Database, server: RealServer
) -> None:
    server.received.refuse["gone@customer.example"] = "550 5.1.1 no such mailbox"
    queue(database, "gone@customer.example")
    queue(database)
    going(database, Server(port=server.port), lambda: states(database)[1] == ("sent", ""))
    assert states(database)[0] == ("failed", "The mail server refused it: 550 5.1.1 no such mailbox")


def test_a_refusal_for_now_is_tried_again_later(database: Database, server: RealServer) -> None:
    clock = FixedClock()
    server.received.refuse["slow@customer.example"] = "451 4.7.1 try again later"
    queue(database, "slow@customer.example")
    going(database, Server(port=server.port), lambda: states(database)[0][1], clock)
    assert states(database) == [("queued", "The mail server does not take it just now: 451 4.7.1 try again later")]
    del server.received.refuse["slow@customer.example"]
    clock.at += mails.PAUSES[0]
    going(database, Server(port=server.port), lambda: states(database) == [("sent", "")], clock)


# --- away


def test_while_the_server_is_away_mails_wait_and_go_out_when_it_is_back(database: Database) -> None:
    clock, port = FixedClock(), free_port()
    for number in range(3):
        queue(database, f"c{number}@customer.example", user=f"80{number}")
    notices = going(database, Server(port=port), lambda: states(database) == [("queued", mails.AWAY)] * 3, clock)
    assert sorted(notice.users for notice in notices) == [("800",), ("801",), ("802",)]
    with closing(RealServer(Received(), port)) as server:
        clock.at += mails.PAUSES[0]
        going(database, Server(port=port), lambda: states(database) == [("sent", "")] * 3, clock)
        assert len(server.received.mails) == 3


def test_pauses_grow_and_the_same_problem_is_told_once(database: Database) -> None:
    clock, port = FixedClock(), free_port()
    queue(database)
    pauses = []
    told = 0
    for number in range(1, 7):
        told += len(going(database, Server(port=port), lambda number=number: tries(database) == number, clock))
        with database.open(EVERYTHING) as work:
            next_try = work.session.query(mapping.Mail).one().next_try
        assert next_try
        pauses.append(next_try - clock.at)
        clock.at = next_try
    assert pauses == [*mails.PAUSES, mails.PAUSES[-1]]
    assert told == 1


def tries(database: Database) -> int:
    with database.open(EVERYTHING) as work:
        return work.session.query(mapping.Mail).one().tries


def test_after_days_it_is_given_up_and_said(database: Database) -> None:
    queue(database, asked_at=NOW - mails.GIVE_UP_AFTER - 1)
    going(database, Server(port=free_port()), lambda: states(database) == [("failed", mails.TOO_LONG)])


def test_without_a_server_mails_wait_and_say_why(database: Database) -> None:
    queue(database)
    going(database, MailSettings(), lambda: states(database) == [("queued", mails.NO_SERVER)])


def test_a_server_that_hangs_up_in_the_middle_is_one_that_is_away(database: Database) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        queue(database)

        def hang_up() -> bool:
            listening.settimeout(0.01)
            with suppress(TimeoutError):
                listening.accept()[0].close()
            return states(database) == [("queued", mails.AWAY)]

        going(database, Server(port=listening.getsockname()[1]), hang_up)


# --- secure, and with a login


def authenticate(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (b"yobirin", b"right"), handled=False)


def test_starttls_and_a_login(database: Database, keys: tuple[Path, Path]) -> None:
    options = {"tls_context": context(keys), "require_starttls": True}
    with closing(RealServer(Received(), authenticator=authenticate, auth_required=True, **options)) as server:
        settings = Server("localhost", server.port, "starttls", "yobirin", password="right")
        trust = Certificate.loadPEM(keys[0].read_bytes())
        queue(database)
        going(database, settings, lambda: states(database) == [("sent", "")], trust=trust)
        assert len(server.received.mails) == 1


def test_a_wrong_password_keeps_the_mail_and_says_so(database: Database, keys: tuple[Path, Path]) -> None:
    options = {"tls_context": context(keys), "require_starttls": True}
    with closing(RealServer(Received(), authenticator=authenticate, auth_required=True, **options)) as server:
        settings = Server("localhost", server.port, "starttls", "yobirin", password="wrong")
        trust = Certificate.loadPEM(keys[0].read_bytes())
        queue(database)
        going(database, settings, lambda: states(database) == [("queued", mails.NO_LOGIN)], trust=trust)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_gets_no_mail(
    database: Database, keys: tuple[Path, Path], security: str
) -> None:
    options: dict[str, Any] = {"ssl_context": context(keys)} if security == "tls" else {"tls_context": context(keys)}
    if security == "tls":
        server: Any = TlsServer(Received(), options["ssl_context"])
    else:
        server = RealServer(Received(), **options)
    with closing(server):
        queue(database)
        settings = Server("localhost", server.port, security)
        going(database, settings, lambda: states(database) == [("queued", mails.NO_TLS)])
        assert server.received.mails == []


def test_tls_from_the_first_byte(database: Database, keys: tuple[Path, Path]) -> None:
    with closing(TlsServer(Received(), context(keys))) as server:
        trust = Certificate.loadPEM(keys[0].read_bytes())
        queue(database)
        settings = Server("localhost", server.port, "tls")
        going(database, settings, lambda: states(database) == [("sent", "")], trust=trust)


class TlsServer(RealServer):
    """aiosmtpd behind TLS."""

    def __init__(self, received: Received, made: ssl.SSLContext) -> None:
        super().__init__(received, ssl_context=made)


def test_a_server_without_starttls_gets_no_mail_where_it_is_asked_for(database: Database, server: RealServer) -> None:
    queue(database)
    settings = Server(port=server.port, security="starttls")
    going(database, settings, lambda: states(database) == [("queued", mails.NO_TLS)])
    assert server.received.mails == []


# --- no header of its own


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "a@b.example\r\nBcc: all@firm.example"},
        {"to": "a@b.example, c@d.example"},
        {"to": "名前@b.example"},
        {"subject": "hello\r\nBcc: all@firm.example"},
        {"subject": "hello\nX: y"},
        {"reply_to": "a@b.example\nBcc: all@firm.example"},
    ],
)
def test_nothing_that_is_entered_becomes_a_header(database: Database, server: RealServer, fields: Any) -> None:
    queue(database, **fields)
    going(database, Server(port=server.port), lambda: states(database) == [("failed", mails.UNSENDABLE)])
    assert server.received.mails == []


def test_tried_again_it_is_the_same_message() -> None:
    mail = QueuedMail(5, "a@b.example", "", "s", "b", NOW, 0)
    parse = BytesParser(policy=policy.default).parsebytes
    first = parse(as_bytes(mail, "x@firm.example", NOW))["Message-ID"]
    assert parse(as_bytes(mail._replace(tries=4), "x@firm.example", NOW + 500))["Message-ID"] == first
    assert parse(as_bytes(mail._replace(id=6), "x@firm.example", NOW))["Message-ID"] != first


# --- the demo's mailbox


def test_the_demos_mailbox_takes_what_the_mailer_sends_and_a_page_can_show_it(
    database: Database, tmp_path: Path
) -> None:
    async def scenario(reactor: Any) -> None:
        box = Mailbox(reactor, tmp_path / "box", FixedClock())
        mailer = Mailer(reactor, database, FixedClock(), Server(port=box.listen()), lambda _: None)
        queue(database)
        mailer.start()
        await until(reactor, lambda: states(database) == [("sent", "")])
        await mailer.stop()
        await box.stop()

    run(scenario)
    (letter,) = letters(tmp_path / "box")
    assert (letter.to, letter.subject) == ("nakamura@customer.example", "お電話の件")
    assert letter.body == BODY.strip()
    assert letter.at == pytest.approx(NOW, abs=1)


def test_the_mailbox_keeps_only_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "KEPT", 3)
    clock = FixedClock()
    box = Mailbox(None, tmp_path, clock)
    for number in range(5):
        clock.at += 1
        box.keep([b"Subject: %d" % number, b"", b"x"])
    assert [letter.subject for letter in letters(tmp_path)] == ["4", "3", "2"]


def test_of_a_mail_that_is_too_large_the_mailbox_keeps_the_beginning(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "MOST_BYTES", 5000)

    async def scenario(reactor: Any) -> None:
        box = Mailbox(reactor, tmp_path / "box", FixedClock())
        mailer = Mailer(reactor, database, FixedClock(), Server(port=box.listen()), lambda _: None)
        queue(database, body="x" * 20_000)
        mailer.start()
        await until(reactor, lambda: states(database) == [("sent", "")])
        await mailer.stop()
        await box.stop()

    run(scenario)
    (kept,) = (tmp_path / "box" / "new").iterdir()
    assert 4000 < kept.stat().st_size <= 5100


def test_every_problem_has_a_sentence_in_the_readers_language() -> None:
    fixed = {mails.NO_SERVER, mails.AWAY, mails.NO_TLS, mails.NO_LOGIN, mails.UNSENDABLE, mails.TOO_LONG}
    assert set(mail_problems.SENTENCES) == fixed
    assert set(mail_problems.BEGINNINGS) == {mails.REFUSED, mails.NOT_NOW}
