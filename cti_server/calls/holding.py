"""Whose the telephones of a call are: each at the moment at which it did something in it (``shared.telephones``)."""

from __future__ import annotations

from collections.abc import Callable

from cti_server.calls.log import CallLog

HolderAt = Callable[[str, float], str | None]
"""Who has an extension at a moment (epoch seconds, UTC)."""


def extensions_of(log: CallLog) -> set[str]:
    """The extensions whose people a call concerns."""
    named = {*log.ringing_extensions, log.talking_extension, log.answered_by_extension, log.final_extension}
    if log.direction in ("out", "internal"):
        named.add(log.caller_number)
    return {one for one in named if one}


def users_of(log: CallLog, holder: HolderAt, now: float) -> dict[str, str]:
    """Extension -> user. Who answered is who sat there when it was answered, whoever sits there when the call ends;
    whose telephone rings is who sits there now; who calls is who sat there when the call began."""
    found = {}
    for extension in extensions_of(log):
        user = holder(extension, moment_of(log, extension, now))
        if user is not None:
            found[extension] = user
    return found


def moment_of(log: CallLog, extension: str, now: float) -> float:
    """At which moment an extension counts in a call."""
    if extension in log.ringing_extensions:
        return now
    if log.direction in ("out", "internal") and extension == log.caller_number:
        return log.started_at
    if extension == log.answered_by_extension and log.answered_at is not None:
        return log.answered_at
    if log.state != "ended":
        return now
    return log.ended_at or log.answered_at or log.started_at
