"""What exists is documented: every setting stands in the example, with its default."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from cti_server import settings as module
from cti_server.cli import COMMANDS
from cti_server.settings import Settings

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "cti.toml"


def _table(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in typing.get_args(annotation):
        if isinstance(inner, types.EllipsisType):
            continue
        found = _table(inner)
        if found:
            return found
    return None


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_stands_in_the_example(name: str) -> None:
    table = _table(Settings.model_fields[name].annotation)
    assert table is not None
    _all_in_example(name, table)


def _all_in_example(name: str, table: type[BaseModel]) -> None:
    text = EXAMPLE.read_text("utf-8")
    start = re.search(rf"^(# )?\[\[?{name}\]\]?", text, re.MULTILINE)
    assert start, f"[{name}] is not in config/cti.toml"
    rest = text[start.end() :]
    end = re.search(r"^(# )?\[", rest, re.MULTILINE)
    block = rest[: end.start()] if end else rest
    for key, field in table.model_fields.items():
        inner = _table(field.annotation)
        if inner is not None:
            _all_in_example(f"{name}.{key}", inner)
            continue
        assert re.search(rf"^(# )?{key} = ", block, re.MULTILINE), f"[{name}] {key} is not in config/cti.toml"


def test_the_example_is_valid_and_says_the_defaults() -> None:
    example = module.load(EXAMPLE)
    for table in (example.server, example.mail, example.journal, example.sessions, example.live, example.audit):
        defaults = type(table)().model_dump(exclude={"secret_env", "secret_file"})
        assert table.model_dump(exclude={"secret_env", "secret_file"}) == defaults


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_is_in_the_command_reference(command: str) -> None:
    assert f"`cti {command}" in (ROOT / "docs" / "commands.md").read_text("utf-8")
