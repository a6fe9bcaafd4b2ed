"""Scripted SIP phones and a scripted carrier for tests against a real Asterisk: asyncio, UDP, loopback, no passwords.

An `Agent` is a phone or the carrier; a `Leg` is one call at it, from either side. A script waits for what happens
(`await leg.answered.wait()`) and does what a person would do (`ring`, `answer`, `bye`, `hold`, `transfer`, `digits`).
Every leg remembers when things happened, in epoch seconds: that is the truth that call logs are compared with.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from typing import Any

from tests.realpbx.sipmessage import ALLOW, Message, compose, session, tag, token

LOOPBACK = "127.0.0.1"
WAIT_S = 30.0


class Happened:
    """A moment that may come: `await` it (with a limit), or look at `at` (epoch seconds, None before)."""

    def __init__(self, what: str) -> None:
        """`what` names the moment in the error when it does not come."""
        self.what = what
        self.at: float | None = None
        self._event = asyncio.Event()

    def now(self) -> None:
        """It happens now (only the first time counts)."""
        if self.at is None:
            self.at = time.time()
            self._event.set()

    async def wait(self, limit_s: float = WAIT_S) -> None:
        """Returns when it has happened."""
        try:
            await asyncio.wait_for(self._event.wait(), limit_s)
        except TimeoutError:
            raise TimeoutError(f"within {limit_s:g} s it did not happen: {self.what}") from None


class Leg:
    """One call at an agent."""

    def __init__(
        self, agent: Agent, call_id: str, local: str, remote: str, target: str, invite: Message | None
    ) -> None:
        """`invite` is the INVITE that came in; None for a call that the agent makes."""
        self.agent, self.call_id, self.local, self.remote, self.target = agent, call_id, local, remote, target
        self.invite, self.began = invite, time.time()
        name = f"{agent.user}, {'incoming' if invite else 'outgoing'} call {target}"
        self.rang, self.answered = Happened(f"ringing ({name})"), Happened(f"answer ({name})")
        self.ended = Happened(f"end ({name})")
        self.ended_here = False
        self.status: int | None = None
        self.reason = ""
        self._number = random.randint(100, 900)
        self._branch, self._invite_number = "", 0
        self._last_response = b""
        self._waiting: dict[tuple[int, str], asyncio.Future[Message]] = {}
        self._held = False
        self._audio: asyncio.DatagramTransport | None = None
        self._audio_to: tuple[str, int] | None = None
        self._talking: asyncio.Task[None] | None = None

    # ------------------------------------------------ what a person does

    async def dial(self, extra: list[tuple[str, str]]) -> None:
        """Sends the INVITE."""
        await self._open_audio()
        self._invite_number = self._number
        self._branch = self._send("INVITE", self._number, body=self._session(), extra=extra)

    def ring(self) -> None:
        """180 Ringing."""
        self.rang.now()
        self._respond(180, "Ringing")

    async def answer(self) -> bool:
        """200 OK; False when the caller was faster."""
        if self.ended.at is not None or self.invite is None:
            return False
        await self._open_audio()
        self._audio_to = self.invite.media
        self._respond(200, "OK", body=self._session())
        self._up()
        return True

    def reject(self, status: int = 486, reason: str = "Busy Here", contact: str = "") -> None:
        """Refuses the call; 302 with the `contact` (a number) to forward to."""
        extra = [("Contact", f"<sip:{contact}@{LOOPBACK}:{self.agent.asterisk}>")] if contact else []
        self.status = status
        self._respond(status, reason, extra=extra)
        self._end(here=True)

    def cancel(self) -> None:
        """Gives up before the answer."""
        self.ended_here = True
        self._send("CANCEL", self._invite_number, branch=self._branch)

    async def bye(self) -> None:
        """Hangs up; does nothing when the call is over."""
        if self.ended.at is None:
            self._end(here=True)
            await self._ask("BYE")

    async def hold(self) -> None:
        """re-INVITE with sendonly."""
        await self._reinvite("sendonly")

    async def unhold(self) -> None:
        """re-INVITE with sendrecv."""
        await self._reinvite("sendrecv")

    async def digits(self, digits: str, gap_s: float = 0.2) -> None:
        """Keys, by SIP INFO."""
        for digit in digits:
            await self._ask("INFO", body=f"Signal={digit}\r\nDuration=160\r\n", content="application/dtmf-relay")
            await asyncio.sleep(gap_s)

    async def transfer(self, number: str, consultation: Leg | None = None) -> int | None:
        """REFER to a number; with `consultation` an attended transfer (Replaces, RFC 3891). Returns the status."""
        address = f"sip:{number}@{LOOPBACK}:{self.agent.asterisk}"
        if consultation is not None:
            other = f"{consultation.call_id};to-tag={tag(consultation.remote)};from-tag={tag(consultation.local)}"
            address += "?Replaces=" + other.replace(";", "%3B").replace("=", "%3D")
        by = f"<sip:{self.agent.user}@{LOOPBACK}>"
        return (await self._ask("REFER", extra=[("Refer-To", f"<{address}>"), ("Referred-By", by)])).status

    def vanish(self) -> None:
        """Forgets the call without a word (the exchange was killed; there is nobody to talk to)."""
        self._end(here=False)

    # ------------------------------------------------ messages

    def received(self, message: Message) -> None:
        """A message of this call came in."""
        if message.status is not None:
            self._response_received(message, message.status)
        elif message.method == "INVITE" and self.invite is not None and message.number == self.invite.number:
            self.agent.send(self._last_response)  # a retransmission
        elif message.method != "ACK":
            self._request_received(message)

    def _request_received(self, message: Message) -> None:
        carries_session = message.method in ("INVITE", "UPDATE") and bool(message.body or message.method == "INVITE")
        if carries_session:
            self._audio_to = message.media or self._audio_to
        self.agent.respond(message, 200, "OK", self.local_tag, self._session() if carries_session else "")
        if message.method == "CANCEL" and self.answered.at is None:
            self._respond(487, "Request Terminated")
            self._end(here=False, reason=message.get("reason"))
        elif message.method == "BYE":
            self._end(here=False, reason=message.get("reason"))

    def _response_received(self, message: Message, status: int) -> None:
        if message.method == "INVITE" and message.number == self._invite_number:
            self._invite_answered(message, status)
        elif status >= 200:
            if message.method == "INVITE":
                self._audio_to = message.media or self._audio_to
                self._send("ACK", message.number)
            waiting = self._waiting.pop((message.number, message.method), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _invite_answered(self, message: Message, status: int) -> None:
        if status < 200:
            if status > 100:
                self.rang.now()
            return
        self.status = status
        if status < 300:
            self.remote, self.target = message.get("to"), message.contact
            self._audio_to = message.media or self._audio_to
            self._send("ACK", message.number)
            if self.answered.at is None and self.ended.at is None:
                self._up()
        else:
            self._send("ACK", message.number, branch=self._branch, to=message.get("to"))
            self._end(here=self.ended_here, reason=message.get("reason"))

    @property
    def local_tag(self) -> str:
        """Our tag of the dialog."""
        return tag(self.local)

    async def _reinvite(self, direction: str) -> None:
        self._held = direction != "sendrecv"
        await self._ask("INVITE", body=session(self._audio_port, direction))

    async def _ask(
        self,
        method: str,
        *,
        body: str = "",
        content: str = "application/sdp",
        extra: list[tuple[str, str]] | None = None,
    ) -> Message:
        self._number += 1
        self._waiting[self._number, method] = answer = asyncio.get_running_loop().create_future()
        self._send(method, self._number, body=body, content=content, extra=extra)
        return await asyncio.wait_for(answer, WAIT_S)

    def _send(
        self,
        method: str,
        number: int,
        *,
        branch: str = "",
        to: str = "",
        body: str = "",
        content: str = "application/sdp",
        extra: list[tuple[str, str]] | None = None,
    ) -> str:
        branch = branch or "z9hG4bK" + token(16)
        headers = [
            ("Via", f"SIP/2.0/UDP {LOOPBACK}:{self.agent.port};branch={branch};rport"),
            ("From", self.local),
            ("To", to or self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self.agent.contact),
            ("Max-Forwards", "70"),
            ("Allow", ALLOW),
        ]
        self.agent.send(compose(f"{method} {self.target} SIP/2.0", headers + (extra or []), body, content))
        return branch

    def _respond(self, status: int, reason: str, body: str = "", extra: list[tuple[str, str]] | None = None) -> None:
        if self.invite is not None:
            self._last_response = self.agent.respond(self.invite, status, reason, self.local_tag, body, extra)

    def _end(self, *, here: bool, reason: str = "") -> None:
        if self.ended.at is None:
            self.ended_here, self.reason = here, reason
            self.ended.now()
            if self._talking is not None:
                self._talking.cancel()
            if self._audio is not None:
                self._audio.close()

    # ------------------------------------------------ audio

    def _up(self) -> None:
        self.answered.now()
        if self.agent.speaks:
            self._talking = asyncio.create_task(self._talk())

    async def _open_audio(self) -> None:
        if self._audio is None:
            loop = asyncio.get_running_loop()
            self._audio, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(LOOPBACK, 0))

    @property
    def _audio_port(self) -> int:
        return int(self._audio.get_extra_info("sockname")[1]) if self._audio else 9

    def _session(self) -> str:
        return session(self._audio_port)

    async def _talk(self) -> None:
        """Sends a noise every 20 ms (RFC 3550): without audio a voicemail keeps no message."""
        noise = bytes((0x80 + (i * 7) % 64) if i % 2 else (0x10 + (i * 5) % 64) for i in range(160))
        number, source = random.randint(0, 30000), random.randint(1, 1 << 31)
        while self._audio is not None:
            if self._audio_to is not None and not self._held:
                head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, (number * 160) & 0xFFFFFFFF, source)
                self._audio.sendto(head + noise, self._audio_to)
            number += 1
            await asyncio.sleep(0.02)


class Agent(asyncio.DatagramProtocol):
    """A phone or the carrier at one port, talking to the Asterisk at another."""

    def __init__(self, user: str, port: int, asterisk: int) -> None:
        """`user` is the extension, or any name for the carrier; the numbers are UDP ports on loopback."""
        self.user, self.port, self.asterisk = user, port, asterisk
        self.speaks = True
        self.contact = f"<sip:{user}@{LOOPBACK}:{port}>"
        self._legs: dict[str, Leg] = {}
        self._incoming: asyncio.Queue[Leg] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Binds the port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(LOOPBACK, self.port))

    def close(self) -> None:
        """Forgets all calls and gives the port back."""
        self.forget()
        if self._transport is not None:
            self._transport.close()

    def forget(self) -> None:
        """Forgets all calls."""
        for leg in self._legs.values():
            leg.vanish()
        self._legs.clear()
        while not self._incoming.empty():
            self._incoming.get_nowait()

    async def call(
        self,
        number: str,
        sender: str = "",
        *,
        name: str = "",
        address: str = "",
        extra: list[tuple[str, str]] | None = None,
    ) -> Leg:
        """Calls a number. `sender`: the number in From (default: the agent's own); `address`: a whole From address."""
        who = address or f"sip:{sender or self.user}@{LOOPBACK}"
        local = (f'"{name}" ' if name else "") + f"<{who}>;tag={token()}"
        target = f"sip:{number}@{LOOPBACK}:{self.asterisk}"
        call_id = token(20)
        leg = self._legs[call_id] = Leg(self, call_id, local, f"<{target}>", target, None)
        await leg.dial(extra or [])
        return leg

    async def incoming(self, limit_s: float = WAIT_S) -> Leg:
        """The next call that came in (100 Trying is sent already)."""
        try:
            return await asyncio.wait_for(self._incoming.get(), limit_s)
        except TimeoutError:
            raise TimeoutError(f"no call came to {self.user} within {limit_s:g} s") from None

    @property
    def waiting(self) -> int:
        """How many calls came in that no script has taken yet."""
        return self._incoming.qsize()

    def send(self, data: bytes) -> None:
        """Sends a datagram to the Asterisk."""
        if self._transport is not None:
            self._transport.sendto(data, (LOOPBACK, self.asterisk))

    def respond(
        self,
        request: Message,
        status: int,
        reason: str,
        local_tag: str = "",
        body: str = "",
        extra: list[tuple[str, str]] | None = None,
    ) -> bytes:
        """Answers a request, and returns the bytes for a retransmission."""
        to = request.get("to")
        if "tag=" not in to and status > 100:
            to += f";tag={local_tag or token()}"
        headers = [("Via", via) for via in request.all("via")]
        headers += [("From", request.get("from")), ("To", to), ("Call-ID", request.get("call-id"))]
        headers += [("CSeq", request.get("cseq")), ("Allow", ALLOW)]
        if not any(name == "Contact" for name, _ in extra or []):
            headers.append(("Contact", self.contact))
        data = compose(f"SIP/2.0 {status} {reason}", headers + (extra or []), body)
        self.send(data)
        return data

    def datagram_received(self, data: bytes, _address: tuple[str | Any, int]) -> None:
        """asyncio: a datagram came."""
        if len(data) < 10:
            return  # a keep-alive
        message = Message.parse(data)
        leg = self._legs.get(message.get("call-id"))
        if leg is not None:
            leg.received(message)
        elif message.status is None and message.method == "INVITE":
            self._new_leg(message)
        elif message.status is None and message.method != "ACK":
            known = message.method == "OPTIONS"
            self.respond(message, 200 if known else 481, "OK" if known else "Call Does Not Exist")

    def _new_leg(self, message: Message) -> None:
        local = f"{message.get('to')};tag={token()}"
        leg = Leg(self, message.get("call-id"), local, message.get("from"), message.contact, message)
        self._legs[leg.call_id] = leg
        self.respond(message, 100, "Trying")
        self._incoming.put_nowait(leg)
