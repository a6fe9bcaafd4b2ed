"""What our figures are held against: bare Python, the AMI clients of others, bare sockets."""

from __future__ import annotations

import logging
import multiprocessing
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from types import SimpleNamespace


def _send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(data)


def received(data: bytes, size: int = 65536) -> Iterator[bytes]:
    """The data as a client gets it: over loopback TCP from another process, read by read."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = multiprocessing.get_context("fork").Process(
            target=_send, args=(server.getsockname()[1], data), daemon=True
        )
        sender.start()
        link, _ = server.accept()
        with link:
            while part := link.recv(size):
                yield part
        sender.join()


def bare_split(parts: Iterable[bytes]) -> int:
    """The physical limit for anything in Python that reads AMI: find the ends of events, do nothing with them."""
    rest = b""
    count = 0
    for part in parts:
        blocks = (rest + part).split(b"\r\n\r\n")
        rest = blocks.pop()
        count += len(blocks)
    return count


def panoramisk(parts: Iterable[bytes]) -> int:
    """panoramisk's bare parsing: its protocol fed with the stream, nobody listening to the events."""
    from panoramisk.ami_protocol import AMIProtocol

    class Factory:
        seen = 0

        def dispatch(self, event: object) -> None:
            self.seen += 1

    logging.getLogger("panoramisk").setLevel(logging.ERROR)
    protocol = AMIProtocol()
    protocol.connection_made(SimpleNamespace())
    protocol.queue = deque()
    protocol.factory = factory = Factory()
    for part in parts:
        protocol.data_received(part)
    return factory.seen


def plain_dict(parts: Iterable[bytes]) -> int:
    """A straightforward reader: split, decode, one dict an event."""
    rest = b""
    count = 0
    for part in parts:
        blocks = (rest + part).split(b"\r\n\r\n")
        rest = blocks.pop()
        for block in blocks:
            dict(line.partition(": ")[::2] for line in block.decode("utf-8", "replace").split("\r\n"))
            count += 1
    return count
