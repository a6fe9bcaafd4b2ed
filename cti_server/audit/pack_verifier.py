#!/usr/bin/env python3
"""Verifies an evidence pack: needs nothing but this file and Python 3.8 or later.

    python3 verify.py PACK.zip [--seals FILE]      or, in the folder that a pack was unpacked to:  python3 verify.py

It says which file was altered, is missing or was added since the pack was made, and whether every entry of the trail in
it is as it was written: bound to the entry before it, and covered by a seal. A pack that somebody made anew from
beginning to end is told by the seals that were kept elsewhere (--seals), and by the manifest's digest, which the server
that made the pack has in its own trail.

Exit status: 0 all is as it was made, 1 something is not, 2 the pack can't be read.
"""

from __future__ import annotations

import json
import sys
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
FORMAT = "yobirin evidence pack 1"
PERSON = "customer"


class Unusable(Exception):
    """What was named is no pack."""


class Zipped:
    """A pack as it was handed over."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as bad:
            raise Unusable(f"{path} can't be read as a ZIP file; it may have been cut off ({bad})") from bad
        self.names = [one.filename for one in self._zip.infolist() if not one.is_dir()]

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes."""
        with self._zip.open(name) as file:
            while chunk := file.read(1 << 16):
                yield chunk


class Unpacked:
    """A folder that a pack was unpacked to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found = (one for one in sorted(path.rglob("*")) if one.is_file() and "__pycache__" not in one.parts)
        self.names = [one.relative_to(path).as_posix() for one in found]

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes."""
        with (self._path / name).open("rb") as file:
            while chunk := file.read(1 << 16):
                yield chunk


class Verified:
    """What was found. ``problems`` are sentences."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.files = 0
        self.entries = 0
        self.unsealed = 0
        self.seals: dict[int, dict[str, Any]] = {}
        self.manifest = ""
        """The manifest's SHA-256."""
        self.about: dict[str, Any] = {}


def verify(path: Path, outside: Path | None = None) -> Verified:
    """Verifies a pack. ``outside``: a file of seals that was kept elsewhere."""
    pack = Unpacked(path) if path.is_dir() else Zipped(path)
    found = Verified()
    _files(pack, found)
    if outside is not None or "seals.json" in pack.names:
        _seals(pack, found, outside)
    if "trail.jsonl" in pack.names:
        _entries(pack, found)
    return found


def _bytes(pack: Zipped | Unpacked, name: str) -> bytes:
    try:
        return b"".join(pack.chunks(name))
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return b""


def _files(pack: Zipped | Unpacked, found: Verified) -> None:
    text = _bytes(pack, MANIFEST) if MANIFEST in pack.names else b""
    try:
        found.about = json.loads(text)
        listed = {one["name"]: one for one in found.about["files"]}
        if found.about["format"] != FORMAT:
            raise ValueError(found.about["format"])
    except (ValueError, KeyError, TypeError) as bad:
        raise Unusable(
            "There is no manifest.json in it that can be read: it is no evidence pack, or not whole"
        ) from bad
    found.manifest = sha256(text).hexdigest()
    for name in sorted(set(pack.names) - set(listed) - {MANIFEST}):
        found.problems.append(f"{name}: was added; the manifest does not name it")
    for name in sorted({one for one in pack.names if pack.names.count(one) > 1}):
        found.problems.append(f"{name}: was added; it is there more than once")
    for name, told in listed.items():
        if name not in pack.names:
            found.problems.append(f"{name}: is missing")
            continue
        found.files += 1
        digest = sha256()
        try:
            for chunk in pack.chunks(name):
                digest.update(chunk)
            same = digest.hexdigest() == told.get("sha256")
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            same = False
        if not same:
            found.problems.append(f"{name}: was altered")


def _seals(pack: Zipped | Unpacked, found: Verified, outside: Path | None) -> None:
    try:
        for seal in json.loads(_bytes(pack, "seals.json"))["seals"]:
            said = [seal["number"], float(seal["at"]), seal["heads"], seal["previous"]]
            digest = sha256(_json(said)).hexdigest()
            if digest != seal["digest"]:
                found.problems.append(f"seals.json: seal {seal['number']} is not as it was made")
            found.seals[int(seal["number"])] = seal
    except (ValueError, KeyError, TypeError):
        found.problems.append("seals.json: can't be read")
    if outside is None:
        return
    try:
        kept = {int(one["number"]): one["digest"] for one in json.loads(outside.read_text("utf-8"))["seals"]}
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise Unusable(f"{outside} is no file of seals") from bad
    for number, seal in found.seals.items():
        if number not in kept:
            found.problems.append(f"seal {number} is not among those that were kept elsewhere")
        elif kept[number] != seal["digest"]:
            found.problems.append(f"seal {number} is another than the one that was kept elsewhere")


def _entries(pack: Zipped | Unpacked, found: Verified) -> None:
    ends: dict[tuple[int, int], str] = {}
    for line, text in enumerate(_bytes(pack, "trail.jsonl").splitlines(), 1):
        where = f"trail.jsonl, line {line}"
        try:
            entry = json.loads(text)
            place = (int(entry["chain"]), int(entry["position"]))
            where = f"trail.jsonl, chain {place[0]}, entry {place[1]}"
            problem = _of_entry(entry, place, ends, found)
        except (ValueError, KeyError, TypeError, AttributeError):
            problem = "can't be read"
        if problem:
            found.problems.append(f"{where}: {problem}")
        found.entries += 1


def _of_entry(entry: dict[str, Any], place: tuple[int, int], ends: dict[tuple[int, int], str], found: Verified) -> str:
    """What is wrong with an entry; empty if nothing."""
    if digest_of(entry) != entry["digest"]:
        return "is not as it was written"
    before = ends.get((place[0], place[1] - 1))
    ends[place] = entry["digest"]
    if before is not None and before != entry["before"]:
        return "does not follow on the entry before it"
    if entry.get("seal") is None:
        found.unsealed += 1
        return "no seal covers it"
    seal = found.seals.get(int(entry["seal"]))
    if seal is None:
        return f"seal {entry['seal']}, which covers it, is not in the pack"
    roots = {head[0]: head[3] for head in seal["heads"]}
    if root_of(bytes.fromhex(entry["digest"]), entry["way"]) != roots.get(place[0]):
        return f"seal {entry['seal']} does not cover it"
    return ""


def digest_of(entry: dict[str, Any]) -> str:
    """The digest of an entry as it stands in the pack."""
    kind = entry["subject_kind"]
    if entry.get("salt") is not None:
        said = [entry["subject_id"] if kind == PERSON else None, entry["customer_code"], entry["detail"]]
        personal = sha256(bytes.fromhex(entry["salt"]) + _json(said)).digest()
    else:
        personal = bytes.fromhex(entry["personal"])
    subject = None if kind == PERSON else entry["subject_id"]
    rest = _json([float(entry["at"]), entry["user"], entry["act"], kind, subject])
    before, position = bytes.fromhex(entry["before"]), int(entry["position"]).to_bytes(8, "big")
    return sha256(before + position + personal + rest).hexdigest()


def root_of(digest: bytes, way: list[list[str]]) -> str:
    """Where the way up from an entry leads to."""
    top = sha256(b"\0" + digest).digest()
    for side, beside in way:
        pair = bytes.fromhex(beside) + top if side == "left" else top + bytes.fromhex(beside)
        top = sha256(b"\1" + pair).digest()
    return top.hex()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def main(words: list[str]) -> int:
    """The command."""
    outside = None
    if "--seals" in words:
        at = words.index("--seals")
        outside = Path(words[at + 1]) if len(words) > at + 1 else None
        del words[at : at + 2]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        print(__doc__)
        return 2
    path = Path(words[0]) if words else Path(__file__).resolve().parent
    try:
        found = verify(path, outside)
    except Unusable as bad:
        print(bad, file=sys.stderr)
        return 2
    for problem in found.problems:
        print(problem)
    print(said(found))
    return 1 if found.problems else 0


def said(found: Verified) -> str:
    """What was found, in a sentence or two."""
    seals = ", ".join(f"{number} ({seal['digest']})" for number, seal in sorted(found.seals.items()))
    result = "all as they were made" if not found.problems else f"{len(found.problems)} problems"
    about = f"{found.files} files, {found.entries} entries of the trail: {result}"
    return f"{about}\nseals: {seals or 'none'}\nmanifest: {found.manifest}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
