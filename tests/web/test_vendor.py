"""What is vendored is what the lock file says, with its licence beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web" / "cti_web"
LOCK = json.loads((WEB / "vendor.lock.json").read_text("utf-8"))


@pytest.mark.parametrize("entry", LOCK, ids=lambda entry: entry["package"])
def test_files_and_licence_are_those_of_the_lock(entry: dict[str, object]) -> None:
    for name, file in entry["files"].items():  # type: ignore[attr-defined]
        assert hashlib.sha256((WEB / name).read_bytes()).hexdigest() == file["sha256"]
    assert (WEB / str(entry["licence_text"])).read_text("utf-8").strip()
    assert str(entry["integrity"]).startswith("sha512-")


def test_nothing_is_vendored_that_the_lock_does_not_name() -> None:
    known = {name for entry in LOCK for name in (*entry["files"], entry["licence_text"])}
    there = {str(path.relative_to(WEB)) for path in (WEB / "static" / "vendor").rglob("*") if path.is_file()}
    assert there == known


def test_third_party_names_every_package() -> None:
    text = (WEB.parents[1] / "THIRD_PARTY.md").read_text("utf-8")
    for entry in LOCK:
        assert entry["version"] in text
