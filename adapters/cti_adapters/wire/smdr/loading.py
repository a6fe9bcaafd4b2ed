"""Reads a profile from TOML. What is wrong is said with file, line and what to do."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, get_args

from cti_adapters.wire.smdr.converters import CONVERTERS, TIMES
from cti_adapters.wire.smdr.cutting import LAYOUT_KINDS
from cti_adapters.wire.smdr.patterns import runs_away
from cti_adapters.wire.smdr.places import line_of
from cti_adapters.wire.smdr.profile import (
    OUTPUTS,
    STATUS,
    Check,
    Dialogue,
    Field,
    Layout,
    Part,
    Place,
    Profile,
    Rule,
    Sample,
    Setting,
    Writing,
)
from cti_server.calls.log import Direction
from cti_server.shared.errors import SettingsError

KEYS: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"profile", "transport", "framing", "layout", "rule", "record", "write", "test"}),
    "profile": frozenset({"name", "title", "description", "sources", "encoding", "additions", "together", "writes"}),
    "transport": frozenset({"feeds", "port", "dialogue"}),
    "dialogue": frozenset({"expect", "send"}),
    "framing": frozenset({"blocks", "objects", "longest", "noise", "join", "joined"}),
    "layout": frozenset(
        {"name", "kind", "when", "length", "delimiter", "quoted", "at_least", "pattern", "header", "fields"}
    ),
    "field": frozenset({"at", "columns", "key", "from", "by", "as", "formats", "nothing", "take", "must"}),
    "rule": frozenset({"when", "set"}),
    "write": frozenset({"when", "fields"}),
    "test": frozenset({"lines", "expect"}),
}
"""The keys of each table of a profile; ``docs/smdr-profiles.md`` says what they mean."""
ENCODINGS: Final = frozenset(
    {"ascii", "utf-8", "latin-1", "iso8859-15", "cp437", "cp850", "cp1252", "shift_jis", "cp932", "euc_jp"}
)
SEARCHED: Final = frozenset({"when", "take", "join", "joined"})
"""Regular expressions that are looked for anywhere in a text; the others have to fit the whole."""
SECONDS: Final = frozenset({"ring_seconds", "duration_seconds"})
TYPES: Final[dict[str, set[str]]] = {
    "started_at_local": {"datetime", "epoch"},
    "ended_at_local": {"datetime", "epoch"},
    "started_at_no_year": {"yearless"},
    "ended_at_no_year": {"yearless"},
    "ring_seconds": {"integer", "duration", "tenths"},
    "duration_seconds": {"integer", "duration", "tenths"},
    "direction": set(),
    "answered": set(),
    "transferred": set(),
    "continuation": set(),
}
"""How fields have to be read that such values come from; the others are texts."""
_BOOLS: Final = frozenset({"answered", "transferred", "continuation"})
_PART: Final = re.compile(r"([^$]*)\$(\w+)(?:\{([^}]*)\})?", re.DOTALL)
_FIELD: Final = re.compile(r"\$(\w*)(?: - \$(\w+))?")


class _Faults:
    """Says where in the file something is wrong."""

    def __init__(self, where: str, source: str) -> None:
        self.where, self.source = where, source

    def at(self, path: tuple[str | int, ...], sentence: str) -> SettingsError:
        return SettingsError(f"{self.where}, line {line_of(self.source, path)}: {sentence}")

    def keys(self, table: Any, kind: str, path: tuple[str | int, ...]) -> None:
        if not isinstance(table, Mapping):
            raise self.at(path, f"{kind} has to be a table")
        for key in table:
            if key not in KEYS[kind]:
                raise self.at((*path, key), f"there is no key “{key}” here{meant(key, KEYS[kind])}")

    def pattern(self, table: Mapping[str, Any], key: str, path: tuple[str | int, ...]) -> re.Pattern[str] | None:
        value = table.get(key)
        if value is None:
            return None
        return self.compiled(value, (*path, key), searched=key in SEARCHED)

    def compiled(self, value: Any, path: tuple[str | int, ...], *, searched: bool) -> re.Pattern[str]:
        if not isinstance(value, str):
            raise self.at(path, "a regular expression has to be in quotes")
        try:
            pattern = re.compile(value, re.DOTALL)
        except (re.error, OverflowError, RecursionError) as problem:
            raise self.at(path, f"{value!r} is no regular expression: {problem}") from problem
        fault = runs_away(pattern, searched=searched)
        if fault:
            raise self.at(path, f"{value!r} is refused: {fault}")
        return pattern

    def of(self, kind: type, table: Mapping[str, Any], key: str, default: Any, path: tuple[str | int, ...]) -> Any:
        value = table.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            names = {str: "text in quotes", int: "a whole number", bool: "true or false", list: "a list [...]"}
            raise self.at((*path, key), f"{key} has to be {names.get(kind, 'a table')}")
        return value

    def words(self, table: Mapping[str, Any], key: str, path: tuple[str | int, ...]) -> tuple[str, ...]:
        values = self.of(list, table, key, [], path)
        if not all(isinstance(value, str) for value in values):
            raise self.at((*path, key), f"{key} has to be a list of texts in quotes")
        return tuple(values)


def meant(word: str, known: Iterable[str]) -> str:
    """“; did you mean …?” where a known word is near, else which there are."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean “{near[0]}”?" if near else f"; there are: {', '.join(sorted(known))}"


def load(path: Path) -> Profile:
    """The profile in a file. Raises SettingsError."""
    try:
        source = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingsError(f"the profile {path} can't be read: {problem}") from problem
    return parse(source, path.name)


def parse(source: str, where: str) -> Profile:
    """The profile in a text that is called ``where``. Raises SettingsError."""
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(f"{where}: {problem}") from problem
    return _profile(data, _Faults(where, source))


def _profile(data: dict[str, Any], faults: _Faults) -> Profile:
    faults.keys(data, "", ())
    for name in ("profile", "layout", "record"):
        if name not in data:
            raise faults.at((), f"the table [{name}] is missing")
    about, framing, transport = data["profile"], data.get("framing", {}), data.get("transport", {})
    faults.keys(about, "profile", ("profile",))
    faults.keys(framing, "framing", ("framing",))
    faults.keys(transport, "transport", ("transport",))
    if "name" not in about:
        raise faults.at(("profile",), "name is missing")
    if framing.get("blocks") and framing.get("objects"):
        raise faults.at(("framing", "objects"), "records are either blocks of lines or objects: blocks has to go")
    encoding = faults.of(str, about, "encoding", "utf-8", ("profile",))
    if encoding not in ENCODINGS:
        raise faults.at(("profile", "encoding"), f"there is no encoding “{encoding}”{meant(encoding, ENCODINGS)}")
    layouts = faults.of(list, data, "layout", [], ())
    made = tuple(_layout(layout, faults, ("layout", at)) for at, layout in enumerate(layouts))
    headed = [at for at, layout in enumerate(made) if layout.header is not None]
    if len(headed) > 1:
        raise faults.at(("layout", headed[1], "header"), "only one layout can have a header")
    fields: dict[str, set[str]] = {}
    for layout in made:
        for one in layout.fields:
            fields.setdefault(one.name, set()).add(one.kind)
    rules = [_rule(rule, fields, faults, ("rule", at)) for at, rule in enumerate(faults.of(list, data, "rule", [], ()))]
    rules.append(Rule((), _settings(data["record"], fields, faults, ("record",))))
    return Profile(
        name=faults.of(str, about, "name", "", ("profile",)),
        title=faults.of(str, about, "title", about["name"], ("profile",)),
        description=faults.of(str, about, "description", "", ("profile",)),
        sources=faults.words(about, "sources", ("profile",)),
        encoding=encoding,
        additions=faults.of(bool, about, "additions", False, ("profile",)),
        together=faults.of(bool, about, "together", False, ("profile",)),
        layouts=made,
        rules=tuple(rules),
        noise=tuple(
            faults.compiled(one, ("framing", "noise"), searched=True)
            for one in faults.words(framing, "noise", ("framing",))
        ),
        blocks=faults.of(bool, framing, "blocks", False, ("framing",)),
        objects=faults.of(bool, framing, "objects", False, ("framing",)),
        longest=max(8192, faults.of(int, framing, "longest", 65536, ("framing",))),
        join=faults.pattern(framing, "join", ("framing",)),
        joined=faults.pattern(framing, "joined", ("framing",)),
        feeds=faults.words(transport, "feeds", ("transport",)),
        port=faults.of(int, transport, "port", 0, ("transport",)) or None,
        dialogue=tuple(_dialogue(transport, faults)),
        writes=_writes(about, made, faults),
        writings=tuple(_writings(data, fields, faults)),
        tests=tuple(_tests(data, faults)),
    )


def _dialogue(transport: Mapping[str, Any], faults: _Faults) -> Iterable[Dialogue]:
    for step in faults.of(list, transport, "dialogue", [], ("transport",)):
        faults.keys(step, "dialogue", ("transport", "dialogue"))
        yield Dialogue(str(step.get("expect", "")), str(step.get("send", "")))


def _writes(about: Mapping[str, Any], layouts: tuple[Layout, ...], faults: _Faults) -> str:
    name: str = faults.of(str, about, "writes", "", ("profile",))
    names = [layout.name for layout in layouts]
    if name and name not in names:
        raise faults.at(("profile", "writes"), f"there is no layout “{name}”{meant(name, names)}")
    if any(layout.name == name and layout.header is not None for layout in layouts):
        raise faults.at(("profile", "writes"), f"“{name}” can't be written: its columns are named by a header")
    return name


def _writings(data: Mapping[str, Any], fields: Mapping[str, set[str]], faults: _Faults) -> Iterable[Writing]:
    for at, table in enumerate(faults.of(list, data, "write", [], ())):
        path = ("write", at)
        faults.keys(table, "write", path)
        given = faults.of(dict, table, "fields", {}, path)
        for name, text in given.items():
            if name not in fields and name != "line":
                raise faults.at(path, f"no layout has “{name}”{meant(name, fields)}")
            if not isinstance(text, str):
                raise faults.at(path, f"what is written into {name} has to be in quotes")
        when = faults.of(dict, table, "when", {}, path)
        yield Writing(tuple(when.items()), tuple((name, _parts(text)) for name, text in given.items()))


def _parts(text: str) -> tuple[Part, ...]:
    parts = [Part(*(group or "" for group in found.groups())) for found in _PART.finditer(text)]
    rest = text[max((found.end() for found in _PART.finditer(text)), default=0) :]
    return (*parts, Part(rest)) if rest or not parts else tuple(parts)


def _tests(data: Mapping[str, Any], faults: _Faults) -> Iterable[Sample]:
    for at, test in enumerate(faults.of(list, data, "test", [], ())):
        path = ("test", at)
        faults.keys(test, "test", path)
        text = faults.of(str, test, "lines", "", path)
        expect = faults.of(list, test, "expect", [], path)
        yield Sample(text, tuple(dict(one) for one in expect), line_of(faults.source, path))


def _layout(table: Any, faults: _Faults, path: tuple[str | int, ...]) -> Layout:
    faults.keys(table, "layout", path)
    kind = faults.of(str, table, "kind", "csv", path)
    if kind not in LAYOUT_KINDS:
        raise faults.at((*path, "kind"), f"there is no kind of layout “{kind}”{meant(kind, LAYOUT_KINDS)}")
    pattern = faults.pattern(table, "pattern", path)
    if kind == "pattern" and pattern is None:
        raise faults.at(path, "a layout of the kind pattern needs pattern = '…' with named groups")
    header = faults.pattern(table, "header", path)
    if header is not None and kind != "csv":
        raise faults.at((*path, "header"), "only the columns of a csv layout can be named by a header")
    length = faults.of(list, table, "length", [], path)
    if length and (len(length) != 2 or not all(isinstance(one, int) for one in length)):
        raise faults.at((*path, "length"), "length has to be [fewest, most] characters")
    given = table.get("fields", {})
    if pattern is not None:
        given = {name: {"key": name} for name in pattern.groupindex if name not in given} | given
    fields: list[Field] = []
    for name, field in given.items():
        fields.append(_field(name, field, "header" if header else kind, faults, (*path, "fields", name), fields))
    if not fields:
        raise faults.at(path, "the layout has no fields")
    _apart(fields, faults, path)
    return Layout(
        name=faults.of(str, table, "name", kind, path),
        kind=kind,
        fields=tuple(fields),
        when=faults.pattern(table, "when", path),
        lengths=(length[0], length[1]) if length else None,
        delimiter=faults.of(str, table, "delimiter", ",", path),
        quoted=faults.of(bool, table, "quoted", True, path),
        at_least=faults.of(int, table, "at_least", 1, path),
        pattern=pattern,
        header=header,
    )


def _field(
    name: str, table: Any, kind: str, faults: _Faults, path: tuple[str | int, ...], before: list[Field]
) -> Field:
    faults.keys(table, "field", path)
    kinds = {"csv": "at", "header": "key", "fixed": "columns", "pattern": "key", "pairs": "key", "json": "key"}
    parts = faults.words(table, "from", path)
    for part in parts:
        if part not in {one.name for one in before}:
            raise faults.at(path, f"{name} is made of “{part}”, which no line before it names")
    if not parts and kinds[kind] not in table:
        raise faults.at(path, f"{name} needs {kinds[kind]} = …: where it stands in the record")
    columns = faults.of(list, table, "columns", [], path)
    if columns and not (
        len(columns) == 2 and all(isinstance(one, int) for one in columns) and 1 <= columns[0] <= columns[1]
    ):
        raise faults.at(path, f"columns of {name} have to be [first, last], the first column being 1")
    shape = faults.of(str, table, "as", "text", path)
    if shape not in CONVERTERS:
        raise faults.at(path, f"{name} can't be read as “{shape}”{meant(shape, CONVERTERS)}")
    formats = faults.words(table, "formats", path)
    if (shape in TIMES) != bool(formats):
        need = "needs formats = ['%Y-%m-%d %H:%M:%S', …]" if shape in TIMES else "takes no formats: it is no time"
        raise faults.at(path, f"{name} {need}")
    for one in formats:
        _check_format(one, faults, path)
    take = faults.pattern(table, "take", path)
    if take is not None and not take.groups:
        raise faults.at(path, f"take of {name} needs a group (…): what is taken")
    place = Place(
        table.get("at"),
        (columns[0], columns[1]) if columns else None,
        faults.of(str, table, "key", "", path),
        parts,
        faults.of(str, table, "by", " ", path),
    )
    nothing, must = faults.pattern(table, "nothing", path), faults.pattern(table, "must", path)
    return Field(name, place, shape, formats, nothing, take, must)


def _check_format(shape: str, faults: _Faults, path: tuple[str | int, ...]) -> None:
    wrong = re.search(r"%(?![YymdHIMSpfbBaAj%])(.?)", shape)
    if wrong or "%" not in shape:
        raise faults.at(path, f"“{shape}” is no form of a time: %Y %y %m %d %H %I %p %M %S stand for its parts")


def _apart(fields: list[Field], faults: _Faults, path: tuple[str | int, ...]) -> None:
    placed = sorted((one.place.columns, one.name) for one in fields if one.place.columns is not None)
    for (one, name), (other, second) in pairwise(placed):
        if one[1] >= other[0]:
            raise faults.at(
                (*path, "fields", second),
                f"{second} (columns {other[0]}–{other[1]}) overlaps {name} (columns {one[0]}–{one[1]})",
            )


def _rule(table: Any, fields: Mapping[str, set[str]], faults: _Faults, path: tuple[str | int, ...]) -> Rule:
    faults.keys(table, "rule", path)
    checks = []
    for name, wanted in faults.of(dict, table, "when", {}, path).items():
        if name not in fields:
            raise faults.at(path, f"the rule asks for “{name}”, which no layout has{meant(name, fields)}")
        checks.append(_check(name, wanted, faults, path))
    settings = faults.of(dict, table, "set", {}, path)
    if not settings:
        raise faults.at(path, "the rule sets nothing")
    return Rule(tuple(checks), _settings(settings, fields, faults, path))


def _check(name: str, wanted: Any, faults: _Faults, path: tuple[str | int, ...]) -> Check:
    if not isinstance(wanted, str):
        raise faults.at(path, f"the condition on {name} has to be in quotes: a regular expression, '>0' or '=0'")
    compared = re.fullmatch(r"([>=])(\d+)", wanted)
    if compared:
        return Check(name, None, compared.group(1), int(compared.group(2)))
    negative = wanted.startswith("!")
    return Check(name, faults.compiled(wanted.removeprefix("!"), path, searched=False), wanted=not negative)


def _settings(
    table: Any, fields: Mapping[str, set[str]], faults: _Faults, path: tuple[str | int, ...]
) -> tuple[Setting, ...]:
    made = []
    for output, value in table.items():
        found = _FIELD.fullmatch(value) if isinstance(value, str) else None
        if found is not None:
            for name in found.groups():
                if name and name not in fields:
                    raise faults.at(path, f"{output} comes from “{name}”, which no layout has{meant(name, fields)}")
            _fits(output, found, fields, faults, path)
            made.append(Setting(output, None, found.group(1), found.group(2) or ""))
            continue
        fits = isinstance(value, str | int)
        if output == "direction":
            fits = value in get_args(Direction)
        elif output == STATUS:
            fits = value in ("shown", "bare")
        elif output in _BOOLS:
            fits = isinstance(value, bool)
        elif output in OUTPUTS:
            fits = isinstance(value, str) and output in ("external_number", "extension", "trunk", "account_code")
        if not fits:
            raise faults.at(path, f"{output} can't be {value!r}")
        made.append(Setting(output, value))
    return tuple(made)


def _fits(
    output: str, found: re.Match[str], fields: Mapping[str, set[str]], faults: _Faults, path: tuple[str | int, ...]
) -> None:
    """Refuses what would put a text where seconds belong, and the like."""
    name, less = found.groups()
    wanted = TYPES.get(output, {"text"} if output in OUTPUTS else {"text", "integer", "duration", "tenths"})
    kinds = fields[name] if name else set()
    if less:
        kinds, wanted = kinds | fields[less] | ({"seconds"} if output not in SECONDS else set()), {"datetime", "epoch"}
    if not kinds <= wanted:
        raise faults.at(
            path, f"{output} can't be {found.group()}: it needs a field read as {' or '.join(sorted(wanted))}"
        )
