"""The errors that a use case may end in. Each carries a sentence for the person who caused it; the web maps them to a
status in one table (``cti_web.errors``), the command line to an exit status."""

from __future__ import annotations


class YobirinError(Exception):
    """Base of all errors whose text is meant for a person."""


class NotFound(YobirinError):
    """There is no such thing, or it lies outside the user's scope: the two can't be told apart."""


class NotAllowed(YobirinError):
    """The user may see this but lacks the right to do it."""


class Invalid(YobirinError):
    """What was entered can't be taken; ``field`` names the entry. ``code`` is a stable key that pages translate."""

    def __init__(self, message: str, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class Conflict(YobirinError):
    """Somebody else changed the thing in the meantime."""


class Unavailable(YobirinError):
    """A part outside (exchange, mail server, database) is away just now; nothing is lost, try again."""


class SettingsError(YobirinError):
    """A settings file can't be used; the text names file, line and what is expected."""
