"""Screens for the bench: many connections that ask for the live stream and read whatever comes. Run as a process of its
own: `python -m tests.bench.drain PORT COUNT READING` (READING 0: connects and never reads). Ends with its standard
input."""

from __future__ import annotations

import resource
import select
import socket
import sys


def connect(port: int, count: int, token: str = "t", small: bool = False) -> list[socket.socket]:
    """So many screens, each with the start of its answer read."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    links = []
    for number in range(count):
        link = socket.socket()
        if small:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", port))
        link.sendall(
            b"GET /live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: yobirin=%s%d\r\n\r\n" % (port, token.encode(), number)
        )
        links.append(link)
    return links


def main() -> None:
    """Connects, says so, and reads until told to stop."""
    port, count, reading = (int(word) for word in sys.argv[1:4])
    links = connect(port, count, small=not reading)
    print("connected", flush=True)
    poll = select.epoll()
    by_number = {link.fileno(): link for link in links}
    if reading:
        for number in by_number:
            poll.register(number, select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                return
            if not by_number[number].recv(262144):
                poll.unregister(number)


if __name__ == "__main__":
    main()
