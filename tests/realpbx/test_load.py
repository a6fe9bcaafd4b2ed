"""Ten calls a second from sipp through a real Asterisk: each is in the call log, once, whole."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.provision import no_skip
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.product import Product, exchange

CALLS = 40
RATE = 10
TALK_MS = 600
CALLER = "070000"
"""What every caller's number begins with; sipp's number of the call follows."""
INVITE = """INVITE sip:0312345678@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:CALLER[call_number]@[local_ip]:[local_port]>;tag=[pid]-[call_number]
To: <sip:0312345678@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:carrier@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 9 RTP/AVP 0
""".replace("CALLER", CALLER)
AFTER = """METHOD sip:0312345678@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:CALLER[call_number]@[local_ip]:[local_port]>;tag=[pid]-[call_number]
To: <sip:0312345678@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: NUMBER METHOD
Max-Forwards: 70
Content-Length: 0

""".replace("CALLER", CALLER)


def scenario() -> str:
    """The carrier's side of a call: answered by the exchange, some talk, the caller hangs up."""
    ack = AFTER.replace("METHOD", "ACK").replace("NUMBER", "1")
    bye = AFTER.replace("METHOD", "BYE").replace("NUMBER", "2")
    early = "".join(f'<recv response="{status}" optional="true"/>' for status in (100, 180, 183))
    return (
        '<?xml version="1.0"?><scenario name="caller">'
        f'<send retrans="500"><![CDATA[{INVITE}]]></send>{early}<recv response="200"/>'
        f'<send><![CDATA[{ack}]]></send><pause milliseconds="{TALK_MS}"/>'
        f'<send retrans="500"><![CDATA[{bye}]]></send><recv response="200"/></scenario>'
    )


def test_every_call_is_there_once(asterisk: Asterisk, tmp_path: Path) -> None:
    if shutil.which("sipp") is None:
        reason = "there is no sipp; run `python tests/provision.py --only sipp`"
        pytest.fail(reason) if no_skip() else pytest.skip(reason)
    (tmp_path / "caller.xml").write_text(scenario())
    product = Product(tmp_path / "p", [exchange("hq", asterisk.ports.ami)], SECRET)
    with ExitStack() as stack:
        stack.callback(product.close)
        product.start()
        product.until_link("hq", "up")
        ports = asterisk.ports
        sipp = ["sipp", f"127.0.0.1:{ports.sip}", "-i", "127.0.0.1", "-nostdin"]
        phone = subprocess.Popen(
            [*sipp, "-sn", "uas", "-p", str(ports.phones["2001"])],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(phone.wait)
        stack.callback(phone.kill)
        carrier = [*sipp, "-sf", "caller.xml", "-p", str(ports.carrier), "-m", str(CALLS), "-r", str(RATE)]
        placed = subprocess.run(
            carrier, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
        assert placed.returncode == 0, placed.stdout[-2000:]
        told = product.ended_calls(CALLS, 40)
        assert sorted(call["caller_number"] for call in told) == sorted(
            f"{CALLER}{number}" for number in range(1, CALLS + 1)
        )
        for call in told:
            assert (call["disposition"], call["answered_by_extension"]) == ("answered", "2001")
            assert (call["hangup_by"], call["marks"]) == ("caller", [])
            assert abs(call["talk_seconds"] - TALK_MS / 1000) < 0.5
        assert product.stop() == 0
