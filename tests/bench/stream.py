"""A long AMI stream made of the recorded traces, each copy with ids, times and callers of its own."""

from __future__ import annotations

import json
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"
EPOCH = b"17953"
"""How the recorded epoch times, and so the Uniqueids, begin; a copy counts them up by 100,000 seconds a step."""


def scenarios() -> list[tuple[bytes, list[bytes]]]:
    """The single-connection traces of the A series with the callers in them, the AMI banner and login taken off."""
    found = []
    for folder in sorted(GOLDEN.glob("A*")):
        raw = (folder / "ami.raw").read_bytes()
        body = raw[raw.index(b"\r\n\r\n") + 4 :]
        truth = json.loads((folder / "truth.json").read_text("utf-8"))
        callers = {call["caller_number"] for call in truth if call["direction"] == "in" and call["caller_number"]}
        found.append((body, sorted(caller.encode() for caller in callers)))
    return found


def stream(megabytes: float) -> bytes:
    """About so many megabytes of AMI. Copy k has callers of its own, so that no customer calls all the time."""
    parts: list[bytes] = []
    size = 0
    copy = 0
    loaded = scenarios()
    while size < megabytes * 1e6:
        for body, callers in loaded:
            part = body.replace(EPOCH, b"%05d" % (int(EPOCH) + copy))
            for caller in callers:
                part = part.replace(caller, caller[:-5] + b"%05d" % ((int(caller[-5:]) + copy * 7) % 100000))
            parts.append(part)
            size += len(part)
        copy += 1
    return b"Asterisk Call Manager/11.0.0\r\n" + b"".join(parts)


def chunks(data: bytes, size: int = 65536) -> list[bytes]:
    """As a socket would hand it over."""
    return [data[at : at + size] for at in range(0, len(data), size)]
