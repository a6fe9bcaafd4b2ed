"""What ``cti doctor`` looks at, one function per thing. Each finding is a sentence that says what to do; none holds a
secret, a number or a name of a caller."""

from __future__ import annotations

import datetime
import gettext
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import DatabaseError

from cti_adapters import certificate as certificates
from cti_adapters.journal.files import JournalDamaged
from cti_adapters.journal.reader import JournalReader
from cti_adapters.storage import audit_reading
from cti_adapters.storage.schema import audit
from cti_adapters.storage.work import Database
from cti_server.settings import MailSettings, Secret, ServerSettings, Settings
from cti_server.shared.errors import SettingsError, Unavailable, YobirinError

Grade = Literal["ok", "warn", "fail"]
LITTLE_ROOM: int = 2 * 2**30
NO_ROOM: int = 200 * 2**20
"""Bytes free: below the first it is said, below the second nothing can go on for long."""
NEWEST: Final = 1000
"""So many entries at the end of each chain of the trail are verified."""
SEAL_OLD: Final = 2 * 86400.0
PATIENCE: Final = 5.0
"""Seconds for another machine to answer."""
NEAR: Final = ("127.0.0.1", "::1", "localhost")
"""Addresses that nobody else reaches."""
_EVERYBODY: Final = stat.S_IRWXG | stat.S_IRWXO


class Finding(NamedTuple):
    """One line. ``what`` is the thing that was looked at."""

    grade: Grade
    what: str
    sentence: str


def secrets(settings: Settings) -> Iterator[Finding]:
    """Every secret that the settings refer to can be had, and by nobody else."""
    holders: list[tuple[str, Secret]] = [(f"exchange {one.id}", one) for one in settings.exchanges]
    holders.append(("mail", settings.mail))
    if settings.signin.oidc is not None:
        holders.append(("single sign-on", settings.signin.oidc))
    for whose, holder in holders:
        if not (holder.secret_env or holder.secret_file):
            continue
        what = f"secret of {whose}"
        try:
            empty = not holder.secret()
        except SettingsError as bad:
            yield Finding("fail", what, str(bad))
            continue
        file = None if holder.secret_env else holder.secret_file
        if empty:
            yield Finding("warn", what, "it is empty; write it into the place that the settings name")
        elif file is not None and file.stat().st_mode & _EVERYBODY:
            yield Finding("warn", what, f"others can read {file}; run: chmod 600 {file}")
        else:
            yield Finding("ok", what, "is there")


def data_folder(folder: Path) -> Iterator[Finding]:
    """It is there, ours alone, and has room."""
    what = "data folder"
    if not folder.is_dir():
        parent = next((one for one in folder.parents if one.is_dir()), Path("/"))
        if os.access(parent, os.W_OK):
            yield Finding("ok", what, f"{folder} is not there yet; the server makes it")
        else:
            yield Finding("fail", what, f"{folder} is not there and can't be made in {parent}; make it for this user")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("fail", what, f"this user may not write to {folder}; run as the server's user")
    elif folder.stat().st_mode & _EVERYBODY:
        yield Finding("warn", what, f"others can look into {folder}; run: chmod 700 {folder}")
    else:
        yield Finding("ok", what, f"{folder} can be written to, by this user only")
    free = shutil.disk_usage(folder).free
    grade: Grade = "fail" if free < NO_ROOM else "warn" if free < LITTLE_ROOM else "ok"
    advice = "" if grade == "ok" else "; make room: a full disk stops the feeds"
    yield Finding(grade, "disk", f"{free / 2**30:.1f} GiB free{advice}")


def database(settings: Settings, now: float) -> Iterator[Finding]:
    """It is of this program's version and whole; and the clock is not behind what stands in it."""
    url = make_url(settings.database_url)
    lite = url.get_backend_name() == "sqlite"
    if lite and not Path(url.database or "").is_file():
        yield Finding("ok", "database", "there is none yet; the server makes it")
        return
    base = Database(url)
    try:
        base.check()
        yield Finding("ok", "database", "it is of this program's version")
        with base.engine.connect() as connection:
            if lite:
                said = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
                if said == "ok":
                    yield Finding("ok", "database", "it is whole")
                else:
                    yield Finding("fail", "database", f"it is damaged ({said}); stop the server and restore a copy")
            newest = connection.execute(select(func.max(audit.c.at))).scalar() or 0.0
        if newest > now + 60:
            yield Finding("fail", "clock", f"it is {newest - now:.0f} s behind what was written; set it by NTP")
        else:
            yield Finding("ok", "clock", "it is not behind what was written last")
    except Unavailable as bad:
        yield Finding("fail", "database", str(bad))
    except DatabaseError as bad:
        yield Finding("fail", "database", f"it can't be read ({bad.orig}); stop the server and restore a copy")
    finally:
        base.close()


def trail(settings: Settings, now: float) -> Iterator[Finding]:
    """The newest entries of the audit trail hold, and it was sealed lately."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return
    base = Database(url)
    try:
        base.check()
        found = audit_reading.verify(base, newest=NEWEST)
        made = audit_reading.stored_seals(base.engine)
        began = audit_reading.began(base.engine)
    except (Unavailable, DatabaseError):
        return  # told already
    finally:
        base.close()
    if found.good:
        yield Finding("ok", "audit trail", f"its newest {found.entries} entries are as they were written")
    else:
        first = [one.sentence for one in found.findings] + found.broken_seals
        yield Finding("fail", "audit trail", f"{first[0]}; run: cti audit verify")
    since = made[-1].at if made else began
    if since is not None and now - since > SEAL_OLD:
        days = int((now - since) / 86400)
        yield Finding("warn", "audit seals", f"none was made for {days} days; is the server down? Run: cti audit seal")
    elif made:
        yield Finding("ok", "audit seals", f"seal {made[-1].number} was made {(now - made[-1].at) / 3600:.0f} h ago")
    else:
        yield Finding("ok", "audit seals", "there is none yet; the server makes one a day")


def journals(settings: Settings) -> Iterator[Finding]:
    """Every record of every journal can be read."""
    for exchange in settings.exchanges:
        what, folder = f"journal of {exchange.id}", settings.data_dir / "journal" / exchange.id
        if not folder.is_dir():
            yield Finding("ok", what, "there is none yet; it begins with the first connection")
            continue
        try:
            yield _read_through(what, folder)
        except (OSError, YobirinError) as bad:
            yield Finding("fail", what, f"{bad}; give {folder} to the server's user")


def _read_through(what: str, folder: Path) -> Finding:
    journal = JournalReader(folder)
    offset, records, damaged = journal.start, 0, 0
    try:
        while True:
            try:
                found = journal.read(offset, 0)
            except JournalDamaged as bad:
                damaged += bad.resume - bad.offset
                offset = bad.resume
                continue
            if not found:
                break
            records, offset = records + 1, found[0].next
    finally:
        journal.close()
    if damaged or journal.damaged:
        return Finding(
            "fail", what, f"{damaged} bytes can't be read or parts are missing: check the disk; calls stay in the log"
        )
    torn = journal.end - offset
    if torn:
        return Finding(
            "warn", what, f"{records} records; the last {torn} bytes are half written, cut at the next start"
        )
    return Finding("ok", what, f"{records} records, all readable")


def port(settings: Settings) -> Finding:
    """The server answers at its port, or can have it."""
    host, number = settings.server.host, settings.server.port
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        socket.create_connection((near, number), timeout=PATIENCE).close()
    except OSError:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((host, number))
        except OSError as bad:
            return Finding("fail", "port", f"port {number} at {host} can't be had ({bad.strerror}); set another")
        return Finding("warn", "port", f"nothing answers at {host}, port {number}: the server does not run")
    return Finding("ok", "port", f"something answers at {host}, port {number}")


def certificate(server: ServerSettings, now: float) -> Iterator[Finding]:
    """What the pages are encrypted with is whole, is for the address that people type, and does not end soon."""
    what = "certificate"
    if server.tls_certificate is None or server.tls_key is None:
        if server.host not in NEAR and not server.public_url.startswith("https://"):
            yield Finding("warn", what, "pages go over the net unencrypted; set tls_certificate and tls_key")
        return
    try:
        pair = certificates.read(server.tls_certificate, server.tls_key)
    except SettingsError as bad:
        yield Finding("fail", what, str(bad))
        return
    if server.tls_key.stat().st_mode & _EVERYBODY:
        yield Finding("warn", what, f"others can read {server.tls_key}; run: chmod 600 {server.tls_key}")
    host = urlsplit(server.public_url).hostname
    if host and not certificates.names(pair, host):
        yield Finding("fail", what, f"it is not for {host}, the address in public_url: browsers will refuse it")
    end, today = certificates.ends(pair), datetime.datetime.fromtimestamp(now, datetime.UTC)
    if end <= today:
        yield Finding("fail", what, f"it ended on {end:%Y-%m-%d}; renew it, the server takes it over by itself")
    elif end <= today + certificates.SOON:
        yield Finding("warn", what, f"it ends on {end:%Y-%m-%d}; renew it, the server takes it over by itself")
    else:
        yield Finding("ok", what, f"it holds until {end:%Y-%m-%d}")


def mail(settings: MailSettings) -> Finding:
    """The mail server can be reached. Nothing is sent."""
    if not settings.host:
        return Finding("warn", "mail", "no mail server is set: mails wait; set host under [mail]")
    where = f"{settings.host}, port {settings.port}"
    try:
        with socket.create_connection((settings.host, settings.port), timeout=PATIENCE) as link:
            if settings.security == "tls":
                return Finding("ok", "mail", f"{where} takes connections")
            greeting = link.recv(256)
    except OSError as bad:
        return Finding("fail", "mail", f"{where} can't be reached ({bad}); check host and port under [mail]")
    if not greeting.startswith(b"220"):
        return Finding("fail", "mail", f"what answers at {where} is no mail server; check host and port under [mail]")
    return Finding("ok", "mail", f"{where} answers")


def pages() -> Iterator[Finding]:
    """What the pages are made of was installed."""
    spec = find_spec("cti_web")
    folder = Path(next(iter(spec.submodule_search_locations or ()), "")) if spec else Path()
    try:
        with (folder / "translations/ja/LC_MESSAGES/messages.mo").open("rb") as file:
            count = len(gettext.GNUTranslations(file).info())
        yield Finding("ok" if count else "fail", "translations", "Japanese is there" if count else "they are empty")
    except (OSError, ValueError) as bad:
        yield Finding("fail", "translations", f"Japanese can't be read ({bad}); install the package anew")
    missing = [name for name in ("static/css/yobirin.css", "templates/base.html") if not (folder / name).is_file()]
    if missing:
        yield Finding("fail", "pages", f"{', '.join(missing)} is missing; install the package anew")
    else:
        yield Finding("ok", "pages", "templates and styles are there")
