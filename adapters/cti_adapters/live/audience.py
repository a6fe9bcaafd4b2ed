"""Who has a stream open, indexed so that a notice asks the scope rule once per kind of viewer, not once per screen.

Viewers whose scopes differ in nothing but the user form a *group*: whatever does not name one of them, they see alike.
Users whom a notice names (rep in charge, ringing, talking) are looked up one by one. `Scope.admits` decides every time;
a property test holds this index against asking it for every stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cti_server.shared.scope import Label, Scope, Span

NOBODY = "\0"
"""Stands for *any user the label doesn't name*; no login contains it."""

BUFFERED_WHEN_PAUSED = 64 * 1024
"""What a Twisted transport has buffered when it asks its producer to pause (``abstract.FileDescriptor.bufferSize``)."""


class Stream:
    """One open stream. ``write`` and ``close(reason)`` belong to the connection; ``close`` with ``cut`` drops what is
    buffered."""

    __slots__ = ("_cap", "_close", "_write", "group", "paused", "session", "slot", "user", "waiting")

    def __init__(
        self, user: str, session: str, write: Callable[[bytes], None], close: Callable[[bool], None], cap: int
    ) -> None:
        self.user = user
        self.session = session
        self.group: Group
        self.slot = 0
        self.paused = False
        self.waiting = 0
        self._write = write
        self._close = close
        self._cap = cap

    def send(self, data: bytes) -> bool:
        """Writes to the screen; False if too much waits for it already, and then nothing is written."""
        if self.paused:
            self.waiting += len(data)
            if self.waiting > self._cap:
                return False
        self._write(data)
        return True

    def pause(self) -> None:
        """The connection's buffer is full: from now on what is written is counted. Twisted says so at every write."""
        if not self.paused:
            self.paused = True
            self.waiting = BUFFERED_WHEN_PAUSED

    def resume(self) -> None:
        """The connection's buffer ran empty."""
        self.paused = False
        self.waiting = 0

    def close(self, *, cut: bool = False) -> None:
        """Ends the connection; with ``cut`` at once, without what is still buffered."""
        self._close(cut)

    @property
    def scope(self) -> Scope:
        """The viewer's own scope."""
        return replace(self.group.scope, user=self.user)


class Group:
    """Streams whose viewers' scopes differ in the user only."""

    __slots__ = ("scope", "streams")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.streams: dict[Stream, None] = {}


class Audience:
    """All open streams by user, by session and by group; groups by branch."""

    def __init__(self) -> None:
        self._users: dict[str, dict[Stream, None]] = {}
        self._groups: dict[Scope, Group] = {}
        self._near: dict[str, list[Group]] = {}
        self._wide: list[Group] = []
        self.streams: dict[Stream, None] = {}

    def __len__(self) -> int:
        return len(self.streams)

    @property
    def users(self) -> int:
        """How many users have a stream open."""
        return len(self._users)

    def add(self, stream: Stream, scope: Scope) -> None:
        """Takes a stream in under its viewer's scope."""
        key = replace(scope, user=NOBODY)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key)
            self._shelf(group).append(group)
        stream.group = group
        group.streams[stream] = None
        self._users.setdefault(stream.user, {})[stream] = None
        self.streams[stream] = None

    def discard(self, stream: Stream) -> bool:
        """Takes a stream out; False if it was not in."""
        if stream not in self.streams:
            return False
        del self.streams[stream]
        mine = self._users[stream.user]
        del mine[stream]
        if not mine:
            del self._users[stream.user]
        group = stream.group
        del group.streams[stream]
        if not group.streams:
            del self._groups[group.scope]
            self._shelf(group).remove(group)
            if not self._near.get(group.scope.branch, True):
                del self._near[group.scope.branch]
        return True

    def of_user(self, user: str) -> list[Stream]:
        """The user's streams, oldest first."""
        return list(self._users.get(user, ()))

    def of_session(self, session: str) -> list[Stream]:
        """The streams that a session opened."""
        return [stream for stream in self.streams if stream.session == session]

    def groups(self, labels: Iterable[Label]) -> list[Group]:
        """The groups that one of these labels may concern (besides the users it names)."""
        found = list(self._wide)
        for branch in {label.branch for label in labels}:
            found += self._near.get(branch, ())
        return found

    def _shelf(self, group: Group) -> list[Group]:
        if group.scope.span is Span.ALL or group.scope.everything or group.scope.stands_in:
            return self._wide  # whom one stands in for may have customers of other branches
        return self._near.setdefault(group.scope.branch, [])
