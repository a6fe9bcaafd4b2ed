"""A wire between the server and an exchange that a test can cut, for a while or only as to what is passed on."""

from __future__ import annotations

import contextlib
import socket
import threading


class Wire:
    """Passes a loopback port on to another. ``cut`` breaks every connection and refuses new ones until ``mend``."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.connections = 0
        self.sent = bytearray()
        """What the server said, over all connections."""
        self._listening: socket.socket | None = None
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Takes connections (again)."""
        self._listening = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """Everything breaks, and nobody listens any more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        with self._lock:
            broken, self._open = self._open, []
        for one in broken:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self.connections += 1
                with self._lock:
                    self._open += [near, far]
                for source, sink, ours in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pass, args=(source, sink, ours), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, ours: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if ours:
                    self.sent += data
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
