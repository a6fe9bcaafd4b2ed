"""A PostgreSQL of a test's own: an empty cluster in a folder, on a socket that nobody else knows."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from tests.provision import postgresql_programs

SETTINGS = "-c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=20"


@contextmanager
def cluster() -> Iterator[URL]:
    """A running server; its address. It is gone afterwards, with all that was in it."""
    programs = postgresql_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="yobirin-postgresql-"))
    # It refuses to run as root; the package made a user for it.
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), *words]
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, user=account.pw_uid, group=account.pw_gid, cwd=folder
        )

    data = str(folder / "data")
    try:
        run("initdb", "--no-sync", "--auth=trust", "--username=yobirin", "--encoding=UTF8", "--pgdata", data)
        options = f"{SETTINGS} -c unix_socket_directories={folder}"
        run("pg_ctl", "start", "--wait", "--silent", "--pgdata", data, "-l", str(folder / "log"), "-o", options)
        try:
            place = {"host": str(folder)}
            yield URL.create("postgresql+psycopg", username="yobirin", database="postgres", query=place)
        finally:
            run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate", "--pgdata", data)
    finally:
        shutil.rmtree(folder)
