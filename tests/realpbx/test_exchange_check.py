"""`cti exchange check` against a real Asterisk: which rights an AMI user has, lacks, or has without need."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.adapters.test_ami_client_sockets import LOOPBACK, certificate
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.product import Product, exchange, free_port
from tests.realpbx.scenarios import ALL
from tests.realpbx.scene import Scene
from tests.realpbx.stage import Stage

TLS = """tlsenable = yes
tlsbindaddr = 127.0.0.1:@PORT@
tlscertfile = @HOME@/etc/ami.pem
"""
MORE_USERS = """
[yobirin-poor]
secret = @SECRET@
read = call
write = originate

[yobirin-rich]
secret = @SECRET@
read = all
write = system,call,reporting,originate,command,config
"""


@pytest.fixture(scope="module")
def product(shared_asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    manager = shared_asterisk.home / "etc/manager.conf"
    folder, tls_port = tmp_path_factory.mktemp("check"), free_port()
    shown, key = certificate(LOOPBACK)
    (folder / "ca.pem").write_text(shown)
    (shared_asterisk.home / "etc/ami.pem").write_text(shown + key)
    tls = TLS.replace("@PORT@", str(tls_port)).replace("@HOME@", shared_asterisk.inside)
    general = manager.read_text().replace("[general]\n", f"[general]\n{tls}", 1)
    manager.write_text(general + MORE_USERS.replace("@SECRET@", SECRET))
    shared_asterisk.start()
    port = shared_asterisk.ports.ami
    tables = [
        exchange(user.replace("-", ""), port, username=user)
        for user in ("yobirin", "yobirin-readonly", "yobirin-poor", "yobirin-rich", "nobody")
    ]
    tables += [exchange("gone", free_port()), exchange("sip", port, host="no-such-host.invalid")]
    tables += [
        exchange("tls", tls_port, tls=True, tls_ca=str(folder / "ca.pem")),
        exchange("doubtful", tls_port, tls=True),
        exchange("plain", port, tls=True),
    ]
    made = Product(folder / "p", tables, SECRET)
    yield made
    made.close()


def checked(product: Product, id: str) -> tuple[int, str]:
    done = product.cti("exchange", "check", id, "--seconds", "0.5")
    assert done.stderr == "" and SECRET not in done.stdout
    return done.returncode, done.stdout


def test_least_rights_suffice(product: Product) -> None:
    status, said = checked(product, "yobirin")
    assert status == 0
    assert "yobirin: signed in as yobirin at 127.0.0.1, port " in said and "(Asterisk Call Manager/" in said
    for right in ("read = system", "write = reporting", "write = originate"):
        assert f"{right}: granted" in said
    for right in ("call", "agent", "cdr"):
        assert f"read = {right}: not proven" in said
    assert "superfluous" not in said and "missing" not in said


def test_over_tls(product: Product) -> None:
    status, said = checked(product, "tls")
    assert status == 0
    assert "tls: signed in as yobirin at 127.0.0.1, port " in said and " with TLS (Asterisk Call Manager/" in said


def test_calling_back_may_be_left_out(product: Product) -> None:
    status, said = checked(product, "yobirinreadonly")
    assert status == 0
    assert "write = reporting: granted" in said and "write = originate: not granted" in said
    assert "superfluous" not in said


def test_what_is_missing_is_said(product: Product) -> None:
    status, said = checked(product, "yobirinpoor")
    assert status == 1
    assert "read = system: missing" in said and "write = reporting: missing" in said
    assert "Give yobirin-poor read = system and write = reporting in manager.conf" in said


def test_what_is_superfluous_is_said(product: Product) -> None:
    status, said = checked(product, "yobirinrich")
    assert status == 0
    for right in ("write = call", "write = command", "write = config", "write = system"):
        assert f"{right}: superfluous" in said, said
    assert "write = reporting: superfluous" not in said and "write = originate: superfluous" not in said


@pytest.mark.parametrize(
    ("id", "sentence"),
    [
        (
            "nobody",
            "nobody: the exchange refuses the sign-in of nobody: Authentication failed; check username and secret",
        ),
        ("doubtful", "doubtful: no secure link to 127.0.0.1, port "),
        ("plain", "plain: no secure link to 127.0.0.1, port "),
        ("gone", "gone: nothing listens at 127.0.0.1, port "),
        ("sip", "sip: there is no host named no-such-host.invalid"),
    ],
)
def test_an_exchange_that_can_t_be_signed_in_to(product: Product, id: str, sentence: str) -> None:
    status, said = checked(product, id)
    assert status == 1 and sentence in said


def test_an_unknown_exchange(product: Product) -> None:
    done = product.cti("exchange", "check", "osaka")
    assert done.returncode == 1
    assert "there is no exchange “osaka” in " in done.stderr and "yobirinpoor" in done.stderr


def test_what_comes_while_it_listens_proves_the_rest(product: Product, asterisk: Asterisk, stage: Stage) -> None:
    over = threading.Event()

    def calls_come() -> None:  # one after the other: the command may take its time to begin to listen
        while not over.is_set():
            stage.start(ALL["H4-queue-without-answer"](Scene(stage, asterisk))).result(30)

    calling = threading.Thread(target=calls_come)
    calling.start()
    try:
        done = product.cti("exchange", "check", "yobirin", "--seconds", "10")
    finally:
        over.set()
        calling.join(40)
    assert done.returncode == 0
    for right in ("system", "call", "agent", "cdr"):
        assert f"read = {right}: granted" in done.stdout
    assert "not proven" not in done.stdout and "superfluous" not in done.stdout
