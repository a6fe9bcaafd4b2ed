"""Screens that take the time: `python -m tests.bench.watchers PORT COUNT` opens so many live streams (tokens t0, t1,
...) and for every call prints, at the end of standard input, how long after its ringing it first showed anywhere: a
JSON list of seconds."""

from __future__ import annotations

import json
import select
import sys
import time

from tests.bench.drain import connect


def main() -> None:
    """Connects, says so, takes times until standard input ends."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    links = {link.fileno(): link for link in connect(port, count)}
    poll = select.epoll()
    for number in links:
        poll.register(number, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    print("connected", flush=True)
    seen: dict[str, float] = {}
    held: dict[int, bytes] = {}
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                print(json.dumps(list(seen.values())))
                return
            data = links[number].recv(65536)
            now = time.time()
            if not data:
                poll.unregister(number)
                continue
            lines = (held.pop(number, b"") + data).split(b"\n")
            held[number] = lines.pop()
            for line in lines:
                if line.startswith(b'data: {"id"') or (line.startswith(b"data: ") and b'"ringing_at"' in line):
                    call = json.loads(line[6:])
                    begun = call.get("ringing_at") or call.get("started_at")
                    if begun is not None:
                        seen.setdefault(call["id"], now - begun)


if __name__ == "__main__":
    main()
