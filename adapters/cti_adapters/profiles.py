"""The profiles that ship with the product, and those in files of the administrator's."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from cti_adapters.wire.smdr.loading import load, meant
from cti_adapters.wire.smdr.profile import Profile
from cti_server.shared.errors import SettingsError

FOLDER: Final = Path(__file__).resolve().parents[2] / "config" / "profiles"


@cache
def shipped() -> dict[str, Profile]:
    """Profiles that ship with the product, by name."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.toml"))}


def profiles() -> list[Profile]:
    """All that ship."""
    return list(shipped().values())


def profile_named(name: str) -> Profile:
    """The profile of a name, or in a file. Raises SettingsError, with a sentence, where there is none or it makes no
    sense."""
    if name.endswith(".toml") or "/" in name:
        return load(Path(name))
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        known = [one.stem for one in FOLDER.glob("*.toml")]
        raise SettingsError(f"there is no profile “{name}”{meant(name, known)}")
    return load(path)
