"""The settings as a server would run with them: the file, with what pages saved about exchanges."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url

from cti_adapters.storage.exchange_shelf import merged_exchanges
from cti_adapters.storage.work import Database
from cti_server.settings import Settings


def with_saved(settings: Settings) -> Settings:
    """The settings of a file as a server would run with them now: for commands. Where there is no database yet, nobody
    saved anything. Raises Unavailable where the database can't be read, or has to be upgraded first."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return settings
    database = Database(url)
    try:
        database.check()
        with database.engine.connect() as connection:
            found = merged_exchanges(connection, settings)
    finally:
        database.close()
    return settings.model_copy(update={"exchanges": found.exchanges})
