"""How an exchange is: what the pages, the log and ``cti exchange list`` show of a feed.

A reason is a stable code with parameters, so that pages can say it in the reader's language; ``Reason.sentence`` says
it in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Link(StrEnum):
    """The state of the link to an exchange."""

    CONNECTING = "connecting"
    UP = "up"
    """Signed in; every event is heard."""
    DOWN = "down"
    """No link; it is tried again by itself."""
    REFUSED = "refused"
    """The exchange doesn't let us in; tried again, slowly."""
    PAUSED = "paused"
    """Nothing is read, because what is read can't be kept."""
    FAILED = "failed"
    """Can't be tried at all until somebody mends something on this side."""
    STOPPED = "stopped"


SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "": "",
        "connecting": "connecting to {host}, port {port}",
        "unknown-host": "there is no host named {host}; check the exchange's host setting",
        "connection-refused": "nothing listens at {host}, port {port}; check that Asterisk runs and manager.conf has "
        "enabled = yes",
        "unreachable": "{host}, port {port} can't be reached: {error}",
        "tls-failed": "no secure link to {host}, port {port}: {error}; check the certificate and tls_ca",
        "not-ami": "what answers at {host}, port {port} is not Asterisk's manager interface; check the port",
        "login-timeout": "{host}, port {port} took the connection but did not answer the sign-in",
        "refused": "the exchange refuses the sign-in of {user}: {said}; check username and secret, and the AMI user's "
        "permit lines",
        "shutting-down": "the exchange is shutting down",
        "closed": "the exchange closed the link",
        "silent": "the exchange has been silent for {seconds} s",
        "nothing-listens": "nothing listens at {host}, port {port}; check that the exchange is set to send its call "
        "records there, and the port",
        "awaiting-exchange": "waiting for the exchange to connect to {host}, port {port}",
        "port-taken": "port {port} at {host} can't be listened at: {error}; end the program that has it, or choose "
        "another port here and in the exchange",
        "peer-refused": "{address} tried to connect and was turned away; if it is the exchange, add it to "
        "allowed_peers",
        "connected-again": "the exchange connected again; its old connection was left off",
        "sign-in-ended": "{host}, port {port} ended the connection at the sign-in; check the exchange's secret",
        "not-this-make": "{host}, port {port} doesn't ask for a sign-in as this make does; check profile and port",
        "no-records": "no record has come for {minutes} minutes, in hours in which some should",
        "opening-line": "opening {device}",
        "no-device": "there is no {device}; check that the adapter is plugged in, and the device setting",
        "device-denied": "{device} may not be opened; let the user that runs this server into its group (dialout)",
        "line-failed": "{device} can't be used: {error}",
        "line-gone": "{device} is gone; it is opened again when it is back",
        "file-missing": "there is no file {path}; it is read as soon as it is there",
        "file-unreadable": "{path} can't be read: {error}",
        "file-shrank": "{path} was cut or replaced before all of it was read; records may be missing. Let it be "
        "rotated by renaming, or less often",
        "folder-missing": "there is no folder {path}; create it, or change the path",
        "file-vanished": "the file {path} was taken away before all of it was read",
        "disk-full": "the disk is full: nothing is read from the exchange until there is room",
        "journal-failed": "the journal can't be written to: {error}",
        "journal-unusable": "the journal can't be opened: {error}",
        "bad-settings": "the settings of this exchange can't be used: {error}",
        "server-stopped": "this server was not running",
        "stopped": "this server was stopped",
        "paused-by-person": "an administrator paused it; nothing is heard until it is resumed",
        "settings-changed": "its settings were changed",
        "removed": "it was removed",
        "records-come": "its records are being taken; nothing was tried, so that none is lost",
        "not-connected-on-purpose": "there is a host {host}; nothing was connected to port {port}, since what the "
        "exchange sends at a test would be lost. Once it is saved, its page says whether records come",
        "port-free": "port {port} at {host} is free; once it is saved, the exchange may connect",
        "can-be-read": "{path} is there and may be read",
        "other-make": "what it sends looks like {title}, not like the make that is set; set profile = “{profile}”",
        "test-too-late": "the server was not there to test it; try again",
        "no-snapshot": "the AMI user may not ask which calls are up after a reconnect ({said}); give it write = "
        "reporting",
        "database-stuck": "the calls can't be written to the database: {error}",
        "record-none": "no record of the exchange's calls is set to fetch them from (exchanges.cdr)",
        "record-missing": "{file} is not there; check exchanges.cdr and that Asterisk writes it",
        "record-unreadable": "{file} can't be read: {error}",
        "record-odd": "{file} is no record of calls that can be read: {reason}",
        "record-no-table": "the database of the exchange's record has no table {table}",
        "record-unreachable": "the database of the exchange's record can't be read: {error}",
        "record-no-driver": "the driver of the exchange's record's database is not installed: {driver}",
        "record-bad-url": "the address of the exchange's record's database is none; it begins like mysql+pymysql://",
        "record-bad-secret": "the address of the exchange's record's database can't be had: {error}",
        "clock-ahead": "the exchange's clock is {seconds} s ahead of ours: times of calls are off by that; let both "
        "take the time by NTP",
        "clock-behind": "the exchange's clock is {seconds} s behind ours: times of calls are off by that; let "
        "both take the time by NTP",
        "zone-looks-wrong": "the exchange's clock differs from ours by {hours} h: its time zone looks wrong; "
        "check clock, zone and summer time of the exchange",
        "journal-damaged": "a part of the journal can't be read any more, from offset {offset} to {resume}",
    }
)
"""Every reason there is, in English."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: one of the codes of SENTENCES and its parameters."""

    code: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The reason in English, with what to do about it."""
        return SENTENCES[self.code].format_map(self.detail)


@dataclass(slots=True)
class LinkCounters:
    """What a link did since the server started."""

    bytes: int = 0
    connects: int = 0
    """How often it was signed in."""
    failures: int = 0
    """Attempts that came to nothing, and links that were lost."""
    pauses: int = 0
    """How often reading had to stop because the journal could not take more."""
    timeouts: int = 0
    """Requests that the exchange left unanswered."""


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """The link to one exchange at one moment. Times are epoch seconds, UTC."""

    exchange: str
    branch: str
    state: Link
    reason: Reason
    since: float
    """Since when it is in this state."""
    connected_since: float | None
    last_heard: float | None
    """When the newest byte came."""
    warnings: tuple[Reason, ...] = ()


@dataclass(slots=True)
class LaneStatus:
    """What a lane did since the server started, and how far it is behind."""

    events: int = 0
    """Events that were folded."""
    unreadable: int = 0
    batches: int = 0
    commits_failed: int = 0
    last_event: float | None = None
    """Arrival of the newest record that is folded and committed; epoch seconds, UTC."""
    last_call: float | None = None
    """When the newest call began that was committed; epoch seconds, UTC."""
    clock_ahead: float | None = None
    """Seconds by which the exchange's clock is ahead of ours; null while it is not known."""
    clock_unsure: float = 0.0
    """Seconds by which that may be off, since the exchange tells no closer."""
    problem: Reason = field(default_factory=Reason)
