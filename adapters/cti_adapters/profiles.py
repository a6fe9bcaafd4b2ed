"""The profiles that ship with the product, those that were saved on a page, and those in files of the administrator's.

Saved ones are given as *own*: name -> text, as ``storage.profile_shelf`` keeps them. One that was saved wins over one
that ships, so that an update of the product never changes how an exchange is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from cti_adapters.wire.smdr.checking import misread
from cti_adapters.wire.smdr.fitting import best_fit, fits
from cti_adapters.wire.smdr.loading import load, meant, parse
from cti_adapters.wire.smdr.places import line_of
from cti_adapters.wire.smdr.profile import Profile
from cti_server.shared.errors import SettingsError

FOLDER: Final = Path(__file__).resolve().parents[2] / "config" / "profiles"
UNFIT_SHARE: Final = 0.2
"""A profile that reads fewer of the records than this is the wrong one."""
NOTHING_OWN: Final[Mapping[str, str]] = {}
_NAME_LINE: Final = re.compile(r"""(\s*name\s*=\s*)("[^"]*"|'[^']*')""")


@cache
def shipped() -> dict[str, Profile]:
    """Profiles that ship with the product, by name."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.toml"))}


@lru_cache(maxsize=64)
def own_profile(name: str, text: str) -> Profile:
    """A saved profile. Raises SettingsError where its text makes no sense (to this version of the product)."""
    return replace(parse(text, name), name=name)


def known(own: Mapping[str, str] = NOTHING_OWN) -> dict[str, Profile]:
    """All that ship and all saved ones that make sense, by name."""
    found = dict(shipped())
    for name, text in own.items():
        try:
            found[name] = own_profile(name, text)
        except SettingsError:
            found.pop(name, None)  # its own page says what is wrong with it
    return found


def profiles() -> list[Profile]:
    """All that ship."""
    return list(shipped().values())


def profile_named(name: str, own: Mapping[str, str] = NOTHING_OWN) -> Profile:
    """The profile of a name, or in a file. Raises SettingsError, with a sentence, where there is none or it makes no
    sense."""
    if name in own:
        return own_profile(name, own[name])
    if name.endswith(".toml") or "/" in name:
        return load(Path(name))
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        names = {one.stem for one in FOLDER.glob("*.toml")} | own.keys()
        raise SettingsError(f"there is no profile “{name}”{meant(name, names)}")
    return load(path)


def other_make(sample: bytes, name: str, own: Mapping[str, str] = NOTHING_OWN) -> Profile | None:
    """The make that some records look to be of, where they are read by the profile of this name as another's: it reads
    hardly any of them, the other most. Null: none, or it can't be told."""
    best = best_fit(sample, known(own).values())
    if best is None or best.profile.name == name:
        return None
    try:
        (now,) = fits(sample, [profile_named(name, own)])
    except SettingsError:
        return best.profile
    return best.profile if now.share < UNFIT_SHARE else None


def source_of(name: str) -> str:
    """The text of one that ships."""
    return (FOLDER / f"{name}.toml").read_text("utf-8")


def faults_of(text: str, name: str) -> list[str]:
    """What is wrong with a profile's text: what it says, or else that its own test lines come out otherwise."""
    try:
        return list(misread(own_profile(name, text)))
    except SettingsError as fault:
        return [str(fault)]


def renamed(text: str, name: str) -> str:
    """A profile's text under another name; as it is where its name can't be found on a line of its own."""
    lines = text.splitlines(keepends=True)
    at = line_of(text, ("profile", "name")) - 1
    if at < len(lines):
        lines[at] = _NAME_LINE.sub(lambda found: f'{found[1]}"{name}"', lines[at], count=1)
    return "".join(lines)
