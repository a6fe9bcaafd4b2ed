"""What a recorded scenario is played on: the stage, the Asterisk, the AMI connection that records, and the truth."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.realpbx.asterisk import EXTENSIONS, SECRET, Asterisk
from tests.realpbx.sipagent import Leg
from tests.realpbx.stage import Stage

Truth = dict[str, Any]


class Tap:
    """One AMI connection with all rights; keeps every byte that Asterisk sends and when it came."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.chunks: list[tuple[float, int, int]] = []

    async def open(self, port: int, more: str = "") -> None:
        """Logs in, sends the actions in `more`, and returns when Asterisk says that it is fully booted."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._pump = asyncio.create_task(self._read())
        self.send(f"Action: Login\r\nActionID: login-1\r\nUsername: recorder\r\nSecret: {SECRET}\r\nEvents: on\r\n\r\n")
        for _ in range(250):
            if b"Event: FullyBooted" in self.received:
                self.send(more)
                return
            await asyncio.sleep(0.02)
        raise TimeoutError("Asterisk did not accept the recorder's login")

    def send(self, text: str) -> None:
        """Sends actions as they are."""
        self._writer.write(text.encode())

    async def close(self) -> None:
        """Ends the connection."""
        self._pump.cancel()
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def save(self, folder: Path, stem: str) -> None:
        """Writes `<stem>.raw` and `<stem>.chunks.jsonl` ([arrival, offset, length] per read)."""
        (folder / f"{stem}.raw").write_bytes(self.received)
        (folder / f"{stem}.chunks.jsonl").write_text("".join(json.dumps(chunk) + "\n" for chunk in self.chunks))

    async def _read(self) -> None:
        while data := await self._reader.read(65536):
            self.chunks.append((round(time.time(), 6), len(self.received), len(data)))
            self.received += data


class Scene:
    """One play of a scenario."""

    def __init__(self, stage: Stage, asterisk: Asterisk) -> None:
        """The taps and the truth begin empty."""
        self.stage, self.asterisk = stage, asterisk
        self.carrier, self.phones = stage.carrier, stage.phones
        self.inbound, self.ring, self.take = stage.inbound, stage.ring, stage.take
        self.taps: list[Tap] = []
        self.truth: list[Truth] = []

    async def connect(self, more: str = "") -> None:
        """A new AMI connection that records into a file of its own."""
        tap = Tap()
        await tap.open(self.asterisk.ports.ami, more)
        self.taps.append(tap)

    async def reconnect(self) -> None:
        """Connects again after a cut, and asks which channels are up."""
        await self.cut()
        await self.connect("Action: CoreShowChannels\r\nActionID: after-cut\r\n\r\n")

    async def cut(self) -> None:
        """The AMI connection is lost (or the exchange ended it already)."""
        await self.taps[-1].close()

    def originate(self, extension: str, number: str, *, timeout_ms: int = 20000, caller: str = "") -> None:
        """Click to dial: first the extension, then the customer."""
        lines = ["Action: Originate", "ActionID: dial-1", f"Channel: PJSIP/{extension}", "Context: internal"]
        lines += [f"Exten: {number}", "Priority: 1", f"Timeout: {timeout_ms}", "Async: true"]
        lines += [f"CallerID: {caller}"] if caller else []
        self.taps[-1].send("\r\n".join(lines) + "\r\n\r\n")

    def event_at(self, kind: str, number: int = 1) -> float:
        """When the n-th event of a kind came: for what no SIP message shows."""
        raw = b"".join(bytes(tap.received) for tap in self.taps)
        blocks = [block for block in raw.split(b"\r\n\r\n") if block.startswith(f"Event: {kind}\r\n".encode())]
        line = next(line for line in blocks[number - 1].split(b"\r\n") if line.startswith(b"Timestamp: "))
        return float(line.split(b": ")[1])

    def call(
        self,
        direction: str,
        caller: Leg,
        dialed: str,
        *,
        number: str | None,
        name: str | None = None,
        rang: Sequence[Leg] = (),
        refused: Sequence[Leg] = (),
        outside: Sequence[Leg] = (),
        ringing: Sequence[Leg] | None = None,
        by: Leg | None = None,
        answered_at: float | None = None,
        hangup: str | None,
        disposition: str = "",
        queue: str | None = None,
        transferred_to: Sequence[str] = (),
        final: str | None = None,
        pbx: bool = False,
        notes: str = "",
        **more: Any,
    ) -> None:
        """Writes down a call as the caller would tell it; times come from the legs.

        `rang`/`refused`: the legs at our phones that rang, or refused without ringing. `outside`: legs at the carrier
        that were tried. `ringing`: the legs whose ringing counts, if not all of these. `by`: the leg that answered
        first. `pbx`: the PBX itself answered before a person did.
        """
        started = caller.began
        answered = answered_at or (by.answered.at if by is not None else None)
        ended = caller.ended.at
        tried = [*rang, *refused, *outside]
        counted = tried if ringing is None else list(ringing)
        rung = any(leg.rang.at is not None for leg in counted)
        first = min((leg.began for leg in counted), default=None) if rung else None
        last = answered or max((leg.ended.at or 0.0 for leg in counted), default=0.0)
        extension = by.agent.user if by is not None and by.agent.user in EXTENSIONS else None
        over = answered or ended
        entry: Truth = {
            "direction": direction,
            "caller_number": number,
            "caller_name": name,
            "dialed_number": dialed,
            "answered": answered is not None,
            "answered_by_extension": extension if direction != "out" else None,
            "rang_extensions": sorted({leg.agent.user for leg in rang}),
            "started_at": instant(started),
            "answered_at": instant(answered),
            "ended_at": instant(ended),
            "ring_seconds": round(last - first, 1) if first is not None else 0.0,
            "wait_seconds": round(over - started, 1) if over is not None else None,
            "talk_seconds": _talk(answered, ended),
            "queue": queue,
            "transferred_to": list(transferred_to),
            "final_extension": final or (extension if direction != "out" else None),
            "hangup_by": hangup,
            "disposition": disposition or ("answered" if answered is not None else "missed"),
            "pbx_answered_at": instant(caller.answered.at) if pbx else None,
            "linkedids": [],
            "notes": notes,
        }
        if refused:
            entry["attempted_extensions"] = sorted({leg.agent.user for leg in refused})
        if by is not None and extension is None and direction == "in":
            entry["answered_by_number"] = by.invite.user if by.invite else None
        self.truth.append(entry | more)


def _talk(answered: float | None, ended: float | None) -> float | None:
    if answered is None:
        return 0.0
    return round(ended - answered, 1) if ended is not None else None


def instant(at: float | None) -> str | None:
    """An instant as the truth writes it: UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Play = Callable[[Scene], Awaitable[None]]
