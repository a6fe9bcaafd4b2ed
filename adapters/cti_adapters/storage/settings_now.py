"""The settings as a server would run with them: the file, with what pages saved about exchanges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, make_url

from cti_adapters.storage.exchange_shelf import merged_exchanges
from cti_adapters.storage.profile_shelf import own_profiles, unread_sample
from cti_adapters.storage.work import Database
from cti_server.settings import Settings

_Answer = TypeVar("_Answer")


def with_saved(settings: Settings) -> Settings:
    """The settings of a file as a server would run with them now: for commands. Where there is no database yet, nobody
    saved anything. Raises Unavailable where the database can't be read, or has to be upgraded first."""
    found = _asked(settings, lambda connection: merged_exchanges(connection, settings).exchanges)
    return settings if found is None else settings.model_copy(update={"exchanges": found})


def saved_profiles(settings: Settings) -> dict[str, str]:
    """Name -> text of the profiles that were saved on its server's pages. Raises as :func:`with_saved`."""
    return _asked(settings, own_profiles) or {}


def unread_samples(settings: Settings) -> dict[str, bytes]:
    """Exchange -> the latest of it that could not be read (``unread_sample``). Raises as :func:`with_saved`."""

    def samples(connection: Connection) -> dict[str, bytes]:
        return {one.id: unread_sample(connection, one.id) for one in settings.exchanges if one.kind == "smdr"}

    return _asked(settings, samples) or {}


def _asked(settings: Settings, question: Callable[[Connection], _Answer]) -> _Answer | None:
    """What the database says; null where there is none yet."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    database = Database(url)
    try:
        database.check()
        with database.engine.connect() as connection:
            return question(connection)
    finally:
        database.close()
