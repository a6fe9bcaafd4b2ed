"""The words of an exchange's settings: what each is called, what it is for, how it is written; and what is wrong with
one, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flask_babel import LazyString, gettext, lazy_gettext, lazy_pgettext

from cti_server.exchanges.saved import Fault
from cti_web import formats

_ = lazy_gettext


class Words(NamedTuple):
    """A setting in words. ``example`` is what a person could enter."""

    label: LazyString | str
    help: LazyString | str = ""
    example: str = ""


class Group(NamedTuple):
    """Settings that belong together. ``folded``: most leave them as they are."""

    title: LazyString
    fields: tuple[str, ...]
    folded: bool = False


SETTINGS: Final[dict[str, Words]] = {
    "id": Words(
        _("Short name"), _("Letters and digits. It can't be changed later: calls and journal are kept under it."), "hq"
    ),
    "name": Words(lazy_pgettext("thing", "Name"), _("What people call it."), "本店 PBX"),
    "branch": Words(_("Branch"), _("Which branch receives its calls.")),
    "host": Words(_("Host"), _("The exchange's name or address in the network."), "pbx.example.jp"),
    "port": Words(_("Port"), _("Asterisk's manager interface listens on 5038, with TLS mostly on 5039."), "5038"),
    "tls": Words(_("Encrypted (TLS)"), _("tlsenable = yes in manager.conf.")),
    "tls_ca": Words(
        _("Certificate authority"),
        _("A PEM file on the server; empty: those that the machine trusts."),
        "/etc/yobirin/pbx-ca.crt",
    ),
    "username": Words(_("AMI user"), _("The name in square brackets in manager.conf."), "yobirin"),
    "timezone": Words(_("Time zone"), _("Of the exchange's own clock."), "Asia/Tokyo"),
    "region": Words(_("Country"), _("How its numbers are read: two letters."), "JP"),
    "area_code": Words(_("Area code"), _("Put before local numbers that come without one."), "03"),
    "outside_prefix": Words(_("Outside line"), _("What telephones dial to get one; empty: nothing."), "0"),
    "extensions": Words(_("Extensions"), _("A regular expression for the whole of an extension."), r"\d{4}"),
    "trunks": Words(
        _("Outside lines' channels"),
        _("Names without the part after the last “-”, with commas between them. Empty: all that are no extension."),
        "PJSIP/trunk",
    ),
    "dial_channel": Words(
        _("How a telephone is rung"), _("{extension} stands for the extension."), "PJSIP/{extension}"
    ),
    "dial_context": Words(
        _("Dialplan context"), _("From which the customer is called; in extensions.conf."), "internal"
    ),
    "dial_prefix": Words(_("Dial before the number"), _("Such as the digit for an outside line."), "0"),
    "caller_id": Words(_("Number shown"), _("What the customer sees; empty: the dialplan decides."), "0312340000"),
    "ping_seconds": Words(_("Try the link every"), _("seconds"), "15"),
    "silence_seconds": Words(_("Silent for"), _("seconds: then the link is dead, and a gap begins"), "45"),
    "clock_limit_seconds": Words(_("Report a clock that is off by more than"), _("seconds"), "5"),
    "cdr.file": Words(
        _("A file (CSV)"), _("On the server; it has to be allowed to read it."), "/var/log/asterisk/cdr-csv/Master.csv"
    ),
    "cdr.secret_env": Words(
        _("Or a database"), _("The environment variable that holds its address."), "YOBIRIN_HQ_CDR"
    ),
    "cdr.secret_file": Words(_("Or a file with its address"), _("In the server's folder of secrets."), "hq-cdr.url"),
    "cdr.table": Words(_("Table"), _("Of the database."), "cdr"),
    "cdr.timezone": Words(_("Time zone"), _("Of the times in it; empty: the exchange's."), "UTC"),
    "profile": Words(_("Profile"), _("The make of the exchange: how its records are written."), "avaya-ipoffice"),
    "allowed_peers": Words(
        _("Who may connect"), _("Addresses or networks, with commas between them."), "192.0.2.10, 192.0.2.0/24"
    ),
    "device": Words(_("Device"), _("The serial port on the server."), "/dev/ttyUSB0"),
    "baud": Words(_("Baud"), "", "9600"),
    "data_bits": Words(_("Data bits"), "", "8"),
    "parity": Words(_("Parity")),
    "stop_bits": Words(_("Stop bits"), "", "1"),
    "flow_control": Words(_("Flow control")),
    "path": Words(_("Path"), _("On the server; it has to be allowed to read it."), "/var/spool/smdr/calls.log"),
    "pattern": Words(_("File names"), _("Which files hold records: * stands for anything."), "*.csv"),
    "silent_minutes": Words(
        _("No record for"), _("minutes within the hours below is a gap. 0: silence means nothing."), "0"
    ),
    "silent_from": Words(_("From"), _("By the exchange's clock."), "09:00"),
    "silent_until": Words(_("Until"), "", "18:00"),
}

ELSE: Final[dict[tuple[str, str], Words]] = {
    ("listen", "host"): Words(_("Listen at"), _("An address of this server; 0.0.0.0 for all of them."), "0.0.0.0"),
    ("listen", "port"): Words(_("Port"), _("The exchange is set to connect to it."), "5100"),
    ("connect", "port"): Words(_("Port"), _("Where the exchange hands out its records."), "5100"),
    ("connect", "username"): Words(_("User"), _("Only where the exchange asks for one."), ""),
}
"""(feed of records, setting) -> what it is called there."""

KINDS: Final[dict[str, Words]] = {
    "ami": Words(_("Asterisk"), _("Asterisk 13 to 22 and FreePBX, over the manager interface (AMI)")),
    "simulated": Words(_("Simulated exchange"), _("For trying things out: cti simulate, or the demonstration")),
    "smdr": Words(_("Call records (SMDR)"), _("An exchange that writes a line for each call when it is over")),
}
FEEDS: Final[dict[str, Words]] = {
    "connect": Words(_("We connect to it"), _("It hands its records to whoever connects")),
    "listen": Words(_("It connects to us"), _("We listen on a port")),
    "serial": Words(_("Serial port"), _("A cable to this server")),
    "file": Words(_("A file that grows"), _("Records are written to it, also through rotation")),
    "folder": Words(_("A drop folder"), _("Files with records are put into it")),
}
CHOICES: Final[dict[str, LazyString]] = {
    "none": _("none"),
    "even": _("even"),
    "odd": _("odd"),
    "rtscts": _("RTS/CTS"),
    "xonxoff": _("XON/XOFF"),
}

THE_EXCHANGE: Final = Group(_("The exchange"), ("id", "name", "branch"))
NUMBERS: Final = Group(
    _("How it writes numbers"), ("region", "area_code", "outside_prefix", "extensions", "timezone", "trunks")
)
RECORD_NUMBERS: Final = Group(
    _("How it writes numbers"), ("region", "area_code", "outside_prefix", "extensions", "timezone")
)
SILENCE: Final = Group(_("When silence is a gap"), ("silent_minutes", "silent_from", "silent_until"), folded=True)
CDR: Final = Group(
    _("Its own record of calls (CDR), which gives back what a gap hid"),
    ("cdr.file", "cdr.secret_env", "cdr.secret_file", "cdr.table", "cdr.timezone"),
    folded=True,
)
CLOCK: Final = Group(_("Its clock"), ("clock_limit_seconds",), folded=True)
AMI: Final = (
    THE_EXCHANGE,
    Group(_("How it is reached"), ("host", "port", "username", "tls", "tls_ca")),
    NUMBERS,
    Group(_("Calling back through it"), ("dial_channel", "dial_context", "dial_prefix", "caller_id"), folded=True),
    Group(_("When the link counts as dead"), ("ping_seconds", "silence_seconds"), folded=True),
    CLOCK,
)
OVER: Final[dict[str, tuple[str, ...]]] = {
    "connect": ("profile", "host", "port", "username"),
    "listen": ("profile", "host", "port", "allowed_peers"),
    "serial": ("profile", "device", "baud", "data_bits", "parity", "stop_bits", "flow_control"),
    "file": ("profile", "path"),
    "folder": ("profile", "path", "pattern"),
}
"""Feed of records -> what it needs."""
WITHOUT_SECRET: Final = frozenset({"listen", "serial", "file", "folder"})


def groups(kind: str, feed: str) -> tuple[Group, ...]:
    """The settings of a kind of exchange, as a form shows them."""
    if kind == "ami":
        return (*AMI, CDR)
    if kind != "smdr":
        return AMI
    return (THE_EXCHANGE, Group(_("How it is reached"), OVER.get(feed, ("profile",))), RECORD_NUMBERS, SILENCE, CLOCK)


def words_of(name: str, feed: str) -> Words:
    """A setting in words; one that has none yet by its name."""
    return ELSE.get((feed, name)) or SETTINGS.get(name) or Words(name)


def needs_secret(kind: str, feed: str) -> bool:
    """Whether there is a sign-in."""
    return kind != "smdr" or feed not in WITHOUT_SECRET


BY_CODE: Final[dict[str, LazyString]] = {
    "missing": _("This has to be filled in."),
    "int_parsing": _("Write a whole number."),
    "float_parsing": _("Write a number."),
    "greater_than_equal": _("At least %(ge)s."),
    "less_than_equal": _("At most %(le)s."),
    "greater_than": _("More than %(gt)s."),
    "literal_error": _("Choose one of those there are."),
    "id-taken": _("There is or was an exchange of this name; choose another."),
    "wrong-branch": _("This branch is not one of yours; choose another."),
    "wrong-variable": _("Name a variable that begins with YOBIRIN_, in capitals."),
    "not-a-secret": _("Name a file in the folder %(folder)s of the server; put the secret there first."),
    "outside-folders": _(
        "Choose a place in one of the folders that the settings file names for records (record_folders): %(folders)s"
    ),
    "no-folders": _("The settings file names no folder for records; name one there first (record_folders)."),
    "no-device": _("Name a serial line of the server, such as /dev/ttyUSB0."),
    "own-data": _("Choose a place outside of the server's own data folder."),
    "profile-path": _("Choose a profile by its name."),
    "line-break": _("There must be no line break in it."),
}
BY_FIELD: Final[dict[str, LazyString]] = {
    "timezone": _("There is no such time zone; write one such as Asia/Tokyo."),
    "extensions": _("This is no regular expression; write one such as \\d{4}."),
    "silence_seconds": _("It has to be longer than the time between two tries, else every quiet minute is a gap."),
    "allowed_peers": _("Name the addresses or networks that may connect, such as 192.0.2.10."),
    "profile": _("Name the make of the exchange."),
    "cdr.file": _("Name either a file, or the variable that holds the address of a database."),
    "cdr.timezone": _("There is no such time zone; write one such as Asia/Tokyo."),
    "silent_until": _("It has to be later than the beginning, both of one day."),
}
"""For the rules that are our own."""


def said(fault: Fault) -> str:
    """What is wrong with a field."""
    if fault.code in BY_CODE:
        return str(BY_CODE[fault.code]) % dict(fault.values)
    if formats.language() == "en" and fault.code == "value_error":
        return f"{fault.sentence[:1].upper()}{fault.sentence[1:]}."
    if fault.code == "value_error" and fault.field in BY_FIELD:
        return str(BY_FIELD[fault.field])
    words = SETTINGS.get(fault.field)
    if words is not None and words.example:
        return str(gettext("This does not fit; write it like this: %(example)s", example=words.example))
    return str(gettext("This does not fit."))


def label(field: str) -> str:
    """What a setting is called."""
    words = SETTINGS.get(field)
    return str(words.label) if words else field


RIGHTS: Final[Mapping[str, LazyString]] = {
    "read system": _("FullyBooted tells a restart from a lost link"),
    "read call": _("everything about calls"),
    "read agent": _("queues"),
    "read cdr": _("voicemail"),
    "write reporting": _("says after a lost link which calls are still up"),
    "write originate": _("calling back; nobody needs it where nobody calls back through the exchange"),
}
"""What the AMI user's rights are for (``cti_adapters.exchanges.checking``)."""
SECRET_NOT_KEPT: Final = _("The secret can't be kept: the server's data folder can't be written to")
