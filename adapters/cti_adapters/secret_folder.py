"""The folder in which secrets are kept that were typed on a page: ``<data>/secrets``, for the server's own user only.

A secret is in no table, log or page; what is stored is the name of its file.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cti_server.shared.errors import Invalid, Unavailable

UNNAMED_SECONDS: Final = 3600.0
"""A file that nothing names is deleted once it is so old: a younger one may belong to what is being saved."""


class SecretFolder:
    """The folder below a data folder. ``records``: the folders from which pages may have records read."""

    def __init__(self, data_dir: Path, records: Sequence[Path] = ()) -> None:
        self._folder = (data_dir / "secrets").absolute()
        self._records = records

    def keep(self, purpose: str, secret: str) -> str:
        """Keeps a secret in a file of its own (mode 0600, on the disk when this returns); gives the file's name.
        ``purpose`` begins the name, for whoever looks into the folder."""
        name = f"{re.sub(r'[^A-Za-z0-9_]', '', purpose)[:40]}-{secrets.token_hex(8)}.secret"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
        except OSError as bad:
            raise Unavailable("The secret can't be kept: the server's data folder can't be written to") from bad
        return name

    def path(self, name: str) -> str:
        """Where the secret of that name lies."""
        return str(self._folder / name)

    def beside(self, path: str) -> bool:
        """Whether a path lies in the server's own data folder, whatever links lead there."""
        return Path(path).resolve().is_relative_to(self._folder.parent.resolve())

    def readable(self, path: str) -> bool:
        """Whether a path lies in a folder from which pages may have records read, whatever links lead there."""
        found = Path(path).resolve()
        return any(found.is_relative_to(folder.resolve()) for folder in self._records)

    def folders(self) -> list[str]:
        """These folders."""
        return [str(folder) for folder in self._records]

    def within(self, path: str) -> str:
        """The path of a file of the folder, given its name or whole path. Raises Invalid for one outside of it."""
        found = (self._folder / path).resolve()
        if found.parent != self._folder.resolve():
            raise Invalid("Name a file in the server's folder of secrets", "secret_file", "not-a-secret")
        return str(self._folder / found.name)

    def tidy(self, named: Iterable[str], now: float) -> None:
        """Deletes secrets of ours that nothing names any more. Files of other names are left alone: an administrator
        put them there."""
        kept = set(named)
        for file in self._folder.glob("*-" + "?" * 16 + ".secret"):
            if file.name not in kept and now - file.stat().st_mtime > UNNAMED_SECONDS:
                file.unlink(missing_ok=True)
