"""The settings of a server: one TOML file, typed, with defaults, and errors that name file and line (spec O6).

Secrets never stand in the file: it names an environment variable (``secret_env``) or a file (``secret_file``).
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from cti_server.shared.errors import SettingsError

_timezones = cache(available_timezones)  # it walks through the machine's folders


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise ValueError(f"“{name}” is no IANA time zone; write one such as Asia/Tokyo")
    return name


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as bad:
        raise ValueError(f"“{text}” is no regular expression: {bad}") from bad
    return text


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError as bad:
        raise ValueError(f"“{text}” is no address or network, such as 192.0.2.10 or 192.0.2.0/24") from bad
    return text


def _one_line(text: str) -> str:
    if re.search(r"[\r\n\0]", text):
        raise ValueError("must not contain a line break")
    return text


Timezone = Annotated[str, AfterValidator(_timezone)]
Network = Annotated[str, AfterValidator(_network)]
Pattern = Annotated[str, AfterValidator(_pattern)]
OneLine = Annotated[str, AfterValidator(_one_line)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{0,31}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Days = Annotated[int, Field(ge=0, le=36500)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Table(BaseModel):
    """A table of the file. A setting that does not exist is an error, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Table):
    """A table that may name where its secret is kept."""

    secret_env: str | None = None
    secret_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_in_clear(cls, values: Any) -> Any:
        if isinstance(values, dict) and ("secret" in values or "password" in values):
            raise ValueError(
                "a secret must not stand in the settings file; name its environment variable with "
                "secret_env, or its file with secret_file"
            )
        return values

    def secret(self) -> str:
        """The secret itself; empty where none is named. Raises SettingsError when it can't be had."""
        if self.secret_env:
            value = os.environ.get(self.secret_env)
            if value is None:
                raise SettingsError(
                    f"the environment variable {self.secret_env} is not set; it has to hold a secret "
                    "that the settings refer to"
                )
            return value
        if self.secret_file:
            try:
                return self.secret_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as bad:
                raise SettingsError(f"the secret file {self.secret_file} can't be read: {bad}") from bad
        return ""


class ServerSettings(Table):
    """Where the server listens and keeps its data."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str = ""
    data_dir: Path = Path("/var/lib/yobirin")
    database_url: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    language: Literal["ja", "en"] = "ja"
    record_folders: tuple[Path, ...] = (Path("/var/spool/yobirin"),)
    """Folders in which files lie that pages may have read as records of an exchange."""


class BranchSettings(Table):
    """A branch of the firm."""

    code: Identifier
    name: OneLine
    timezone: Timezone = "Asia/Tokyo"


class RecordFeed(Secret):
    """How an exchange of kind ``smdr`` hands over the records that it writes of its calls (spec O3)."""

    profile: OneLine = ""
    """The make: the name of a profile that ships with the product or was saved, or the path of a profile's file."""
    feed: Literal["connect", "listen", "serial", "file", "folder"] | None = None
    """We connect to ``host`` and ``port``; it connects to our ``port``; a serial ``device``; a file that grows; a
    folder into which it drops files."""
    allowed_peers: tuple[Network, ...] = ()
    """Of ``listen``: addresses or networks that may connect."""
    device: OneLine = ""
    baud: Annotated[int, Field(ge=50, le=4_000_000)] = 9600
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow_control: Literal["none", "rtscts", "xonxoff"] = "none"
    path: Path | None = None
    """Of ``file`` the file, of ``folder`` the folder."""
    pattern: OneLine = "*"
    """Of ``folder``: the names of the files that hold records (``*``, ``?``)."""
    silent_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    """No record for so long is a gap; 0: silence means nothing, as at night."""
    silent_from: TimeOfDay = "09:00"
    silent_until: TimeOfDay = "18:00"
    """The hours in which ``silent_minutes`` counts, by the exchange's clock."""

    def missing(self) -> str:
        """What the feed can't do without and isn't set, as a sentence; empty where all is there."""
        needs = {
            "listen": (self.allowed_peers, "feed = “listen” needs allowed_peers: the addresses that may connect"),
            "serial": (self.device, "feed = “serial” needs device, such as /dev/ttyUSB0"),
            "file": (self.path, "feed = “file” needs path: the file that the records are written to"),
            "folder": (self.path, "feed = “folder” needs path: the folder that the files are dropped into"),
        }
        if not self.profile:
            return "kind = “smdr” needs profile: the make of the exchange, such as avaya-ipoffice"
        if self.feed is None:
            return "kind = “smdr” needs feed: “connect”, “listen”, “serial”, “file” or “folder”"
        value, sentence = needs.get(self.feed, (True, ""))
        return "" if value else sentence


class CdrSettings(Secret):
    """Where an Asterisk keeps its own record of calls (CDR), from which calls are fetched that a gap hid: a CSV file,
    or a table of an SQL database whose address (SQLAlchemy URL) is the secret."""

    file: Path | None = None
    columns: tuple[OneLine, ...] = ()
    table: OneLine = "cdr"
    timezone: Timezone | None = None
    wait_seconds: Seconds = 5.0

    @model_validator(mode="after")
    def _one_source(self) -> CdrSettings:
        named = bool(self.secret_env or self.secret_file)
        if named == (self.file is not None):
            raise ValueError(
                "name either file (a CSV record of calls) or secret_env or secret_file (the address of a database "
                "with a table of them)"
            )
        return self


class ExchangeSettings(RecordFeed):
    """One telephone exchange (spec C1)."""

    id: Identifier
    name: OneLine
    kind: Literal["ami", "simulated", "smdr"]
    branch: Identifier
    host: str = "127.0.0.1"
    port: Port = 5038
    tls: bool = False
    tls_ca: Path | None = None
    username: OneLine = "yobirin"
    timezone: Timezone = "Asia/Tokyo"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "JP"
    area_code: Annotated[str, Field(pattern=r"^\d{0,6}$")] = ""
    outside_prefix: Annotated[str, Field(pattern=r"^\d{0,3}$")] = ""
    extensions: Pattern = r"\d{2,5}"
    trunks: tuple[OneLine, ...] = ()
    dial_channel: OneLine = "PJSIP/{extension}"
    dial_context: OneLine = "internal"
    dial_prefix: Annotated[str, Field(pattern=r"^\d{0,3}$")] = ""
    caller_id: OneLine = ""
    paused: bool = False
    ping_seconds: Seconds = 15.0
    silence_seconds: Seconds = 45.0
    clock_limit_seconds: Seconds = 5.0
    """A clock that is further from ours is reported."""
    cdr: CdrSettings | None = None
    _own_profile: str = PrivateAttr("")

    @property
    def own_profile(self) -> str:
        """The text of the profile where ``profile`` names one that was saved on a page; else empty."""
        return self._own_profile

    def with_own_profile(self, text: str) -> ExchangeSettings:
        """The same exchange, read by a saved profile; other settings than these where the text is another."""
        made = self.model_copy()
        made._own_profile = text
        return made

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ExchangeSettings:
        if self.kind == "smdr":
            missing = self.missing()
            if not missing and self.feed in ("connect", "listen") and "port" not in self.model_fields_set:
                missing = f"feed = “{self.feed}” needs port: there is none that all makes use"
            if not missing and self.silent_until <= self.silent_from:
                missing = "silent_until has to be later than silent_from, both of one day"
            if missing:
                raise ValueError(missing)
            return self
        ours = ((name, field) for name, field in RecordFeed.model_fields.items() if name not in Secret.model_fields)
        strange = next((name for name, field in ours if getattr(self, name) != field.default), None)
        if strange:
            raise ValueError(f"{strange} is for exchanges of kind “smdr”; this one is of kind “{self.kind}”")
        return self

    @model_validator(mode="after")
    def _silence_after_ping(self) -> ExchangeSettings:
        if self.silence_seconds <= self.ping_seconds:
            raise ValueError("silence_seconds has to be longer than ping_seconds, else every quiet minute is a gap")
        return self


class MailSettings(Secret):
    """The mail server that callback mails and reports go out through."""

    host: str = ""
    port: Port = 25
    security: Literal["none", "starttls", "tls"] = "none"
    username: OneLine = ""
    sender: OneLine = "yobirin@localhost.localdomain"


class JournalSettings(Table):
    """The journal of the exchanges' bytes (spec O1)."""

    segment_mib: Annotated[int, Field(ge=1, le=1024)] = 64
    keep_days: Annotated[int, Field(ge=1, le=3660)] = 90


class SessionSettings(Table):
    """How long a sign-in lasts."""

    idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    longest_hours: Annotated[int, Field(ge=1, le=168)] = 12


class OidcSettings(Secret):
    """The firm's own sign-in (OpenID Connect); the secret is that of the client."""

    issuer: OneLine
    client_id: OneLine
    scopes: tuple[OneLine, ...] = ("openid", "profile")
    login_claim: OneLine = "preferred_username"
    """Which claim is the login here."""
    button: OneLine = ""
    """How people call it; empty: single sign-on."""
    ca: Path | None = None
    """Trust this authority instead of the machine's."""

    @model_validator(mode="after")
    def _encrypted(self) -> OidcSettings:
        address = urlsplit(self.issuer)
        near = address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost", "::1")
        if not (address.scheme == "https" or near) or not address.hostname or address.query or address.fragment:
            raise ValueError(
                "issuer is the https address that the provider names itself by, such as https://id.example"
            )
        if "openid" not in self.scopes:
            raise ValueError("scopes have to hold “openid”, without which there is no sign-in")
        return self


class SignInSettings(Table):
    """What a sign-in takes."""

    second_factor_roles: tuple[OneLine, ...] = ()
    """Roles that can't do without a second factor; it is set up at their next sign-in."""
    passwords: Literal["everybody", "administrators"] = "everybody"
    """Who signs in by password beside the firm's own sign-in."""
    oidc: OidcSettings | None = None

    @model_validator(mode="after")
    def _somebody_gets_in(self) -> SignInSettings:
        if self.passwords == "administrators" and self.oidc is None:
            raise ValueError("passwords = “administrators” needs [signin.oidc]: nobody else could sign in")
        return self


class AuditSettings(Table):
    """The audit trail (spec/50)."""

    seal_at: TimeOfDay = "00:10"
    """When each day's seal is made."""
    timezone: Timezone = "Asia/Tokyo"


class LiveSettings(Table):
    """Bounds of the live streams."""

    stream_kib: Annotated[int, Field(ge=16, le=4096)] = 256
    streams_per_user: Annotated[int, Field(ge=1, le=100)] = 8


class ReportSettings(Table):
    """An incoming report that is mailed at a set hour (spec C5)."""

    at: TimeOfDay
    to: tuple[OneLine, ...]
    user: OneLine
    branch: Identifier | None = None
    timezone: Timezone = "Asia/Tokyo"


class BoardSettings(Table):
    """When a branch's shared screen shows the worklist by itself, in the branch's time (spec C5)."""

    branch: Identifier
    worklist_at: tuple[TimeOfDay, ...] = ()
    minutes: Annotated[int, Field(ge=1, le=120)] = 10


class ReviewSettings(Table):
    """What reviewers are shown and may ask for (spec C6)."""

    claim_window_minutes: Annotated[int, Field(ge=1, le=10080)] = 240
    request_hours: Annotated[int, Field(ge=1, le=400)] = 8
    remind_hours: Annotated[int, Field(ge=0, le=400)] = 2
    escalate_hours: Annotated[int, Field(ge=0, le=400)] = 4
    look_every_minutes: Annotated[int, Field(ge=1, le=60)] = 5


class RetentionSettings(Table):
    """How many days what names people is kept, by kind; 0: for ever (spec/50). A legal hold keeps it longer."""

    at: TimeOfDay = "03:00"
    """When it is looked each night, in the zone of the audit trail's seal."""
    call_days: Days = 0
    """Who calls were with; that they took place stays."""
    note_days: Days = 0
    """What was written about contacts; that there was one stays."""
    mail_days: Days = 0
    """Addresses and text of mails; that one was sent stays."""
    deal_days: Days = 0
    """What was filled in and written about deals that are over; what they were worth stays."""
    usage_days: Annotated[int, Field(ge=1, le=400)] = 400
    """Readings of customers' use of services."""
    unread_days: Days = 0
    """Pieces that an exchange sent and that could not be read."""


class UsageSettings(Table):
    """Where customers' use of services may be asked for (spec P2)."""

    private_hosts: tuple[OneLine, ...] = ()
    """Hosts in the firm's own network; others have to lie at public addresses and to speak https."""


class Settings(Table):
    """The whole file."""

    server: ServerSettings = ServerSettings()
    branches: tuple[BranchSettings, ...] = ()
    exchanges: tuple[ExchangeSettings, ...] = ()
    mail: MailSettings = MailSettings()
    journal: JournalSettings = JournalSettings()
    sessions: SessionSettings = SessionSettings()
    signin: SignInSettings = SignInSettings()
    live: LiveSettings = LiveSettings()
    audit: AuditSettings = AuditSettings()
    reports: tuple[ReportSettings, ...] = ()
    boards: tuple[BoardSettings, ...] = ()
    review: ReviewSettings = ReviewSettings()
    usage: UsageSettings = UsageSettings()
    retention: RetentionSettings = RetentionSettings()

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.signin.oidc is not None and not self.server.public_url:
            raise ValueError(
                "[signin.oidc] needs public_url under [server]: the address that the provider leads back to"
            )
        if 0 < self.retention.call_days < self.journal.keep_days:
            raise ValueError(
                "[retention] call_days is less than [journal] keep_days: the journal would still say who the calls "
                "were with; keep the journal for no longer"
            )
        known = {branch.code for branch in self.branches}
        for what, entries, key in (("branch", self.branches, "code"), ("exchange", self.exchanges, "id")):
            names = [getattr(entry, key) for entry in entries]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{what} “{name}” is there twice; each {key} has to be its own")
        for kind, users in (("exchange", self.exchanges), ("report", self.reports), ("board", self.boards)):
            for entry in users:
                if entry.branch is not None and entry.branch not in known:
                    raise ValueError(
                        f"{kind} names the branch “{entry.branch}”, but there is no [[branches]] with that code"
                    )
        return self

    @property
    def data_dir(self) -> Path:
        """The folder that holds database, journal, sockets and mailbox."""
        return self.server.data_dir

    @property
    def database_url(self) -> str:
        """SQLAlchemy's address of the database; SQLite in the data folder unless set."""
        return self.server.database_url or f"sqlite:///{self.data_dir / 'yobirin.sqlite3'}"


def config_folder() -> Path:
    """Where the TOML files lie that ship with the product: ``config`` in a checkout, package data once installed."""
    top = Path(__file__).parent.parent
    return top / "config" if (top / "config" / "cti.toml").is_file() else top / "cti_config"


def load(path: Path) -> Settings:
    """Reads and checks a settings file. Raises SettingsError with file, line and what is expected for every fault."""
    try:
        raw = path.read_bytes()
    except OSError as bad:
        raise SettingsError(
            f"the settings file {path} can't be read: {bad.strerror}. "
            "Name another with --config, or copy the example config/cti.toml"
        ) from bad
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        line = raw[: bad.start].count(b"\n") + 1
        raise SettingsError(f"{path}, line {line}: not UTF-8; save the settings file as UTF-8") from bad
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as bad:
        raise SettingsError(f"{path}: this is not TOML: {bad}") from bad
    try:
        return Settings.model_validate(values)
    except ValidationError as bad:
        raise SettingsError("\n".join(_sentence(path, text, error) for error in bad.errors())) from bad


def _sentence(path: Path, text: str, error: Any) -> str:
    """One fault as a sentence."""
    where = tuple(part for part in error["loc"])
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in where) or "the settings"
    place = f"{path}, line {line_of(text, where)}"
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(where[-1]), _names_at(where[:-1]), 1)
        hint = f"; did you mean {near[0]}?" if near else "; take it out, config/cti.toml shows every setting"
        return f"{place}: there is no setting {name}{hint}"
    if error["type"] == "missing":
        return f"{place}: {name} is missing; it has to be set"
    got = "" if isinstance(error["input"], dict | list | tuple) else f" (it is {error['input']!r})"
    said = error["msg"].removeprefix("Value error, ")
    return f"{place}: {name}: {said}{got}"


def _names_at(where: tuple[Any, ...]) -> list[str]:
    """The settings that exist in the table at ``where``."""
    model: type[BaseModel] = Settings
    for part in where:
        if isinstance(part, int):
            continue
        found = re.findall(r"\w+", str(model.model_fields[part].annotation))
        model = next(globals()[word] for word in found if word.endswith("Settings"))
    return list(model.model_fields)


def line_of(text: str, where: tuple[Any, ...]) -> int:
    """The 1-based line of a key, or of the table that ought to hold it; 1 where neither can be told."""
    table: tuple[Any, ...] = ()
    seen: dict[str, int] = {}
    best, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*(\[\[?)\s*([\w.\-\"]+)\s*\]", line)
        if head:
            key = head[2].strip('"')
            table = tuple(key.split("."))
            if head[1] == "[[":
                seen[key] = seen.get(key, -1) + 1
                table = (*table, seen[key])
            full = table
        else:
            entry = re.match(r"\s*\"?([\w\-]+)\"?\s*=", line)
            if not entry:
                continue
            full = (*table, entry[1])
        if full == where[: len(full)] and len(full) > best_depth:
            best, best_depth = number, len(full)
    return best
