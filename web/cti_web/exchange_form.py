"""The form of an exchange's settings, made from the model that checks the settings file too: a new setting is a field
as soon as it has words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from werkzeug.datastructures import MultiDict

from cti_server.exchanges.desk import Entry, SecretWish
from cti_server.exchanges.saved import Fault, Unfit
from cti_server.settings import CdrSettings, ExchangeSettings
from cti_web import exchange_words as words
from cti_web.exchange_words import Group, Words

Shape = Literal["text", "number", "check", "choice", "list", "branch", "fixed"]
CDR_PLACES = ("file", "secret_env", "secret_file")
SECRETS = ("secret", "secret_env", "secret_file")


class Field(NamedTuple):
    """One entry of the form."""

    name: str
    shape: Shape
    words: Words
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    needed: bool = False
    problem: str = ""
    theirs: str | None = None
    """What is saved now, where somebody else was quicker and it differs."""


class Form(NamedTuple):
    """The whole form. ``problems`` are those of no field in particular."""

    kind: str
    feed: str
    groups: Sequence[tuple[Group, Sequence[Field]]]
    secret: Mapping[str, str]
    secret_problems: Mapping[str, str]
    kept: str
    """Where the secret is that there is: ``page``, ``env``, ``file`` or ``none``."""
    problems: Sequence[str]
    with_secret: bool


def setting(name: str) -> FieldInfo | None:
    """What the model knows of a setting; null where there is none of that name. ``cdr.table`` is one of a table within
    the exchange's."""
    table, _dot, inner = name.partition(".")
    return CdrSettings.model_fields.get(inner) if table == "cdr" else ExchangeSettings.model_fields.get(name)


def _known(name: str) -> FieldInfo:
    found = setting(name)
    assert found is not None, name
    return found


def kinds() -> list[str]:
    """The kinds that an exchange may have."""
    return [kind for kind in get_args(ExchangeSettings.model_fields["kind"].annotation) if kind in words.KINDS]


def feeds() -> list[str]:
    """The ways in which records may come."""
    known = ExchangeSettings.model_fields.get("feed")
    there = [one for part in get_args(known.annotation) for one in get_args(part)] if known is not None else []
    return [feed for feed in there if feed in words.FEEDS]


def shape_of(name: str) -> tuple[Shape, tuple[str, ...]]:
    """How a setting is entered, and what may be chosen where the model says it."""
    if name == "branch":
        return "branch", ()
    if name == "profile":
        return "choice", ()
    kind = _known(name).annotation
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not type(None))
    if kind is bool:
        return "check", ()
    if get_origin(kind) is Literal:
        return "choice", tuple(str(one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return "list", ()
    return ("number" if kind in (int, float) else "text"), ()


def _literals(name: str) -> tuple[Any, ...]:
    """What the model takes for a choice: numbers, where they are numbers."""
    kind = _known(name).annotation
    return get_args(kind) if get_origin(kind) is Literal else ()


def names_of(kind: str, feed: str) -> list[str]:
    """The settings that a kind's form has."""
    return [name for group in words.groups(kind, feed) for name in group.fields if setting(name) is not None]


def sent(form: MultiDict[str, str], kind: str, feed: str) -> dict[str, Any]:
    """What a form says, as the model takes it. Null: left to its default."""
    values: dict[str, Any] = {"kind": kind}
    if kind == "smdr":
        values["feed"] = feed or None
    for name in names_of(kind, feed):
        shape, _choices = shape_of(name)
        text = form.get(name, "").strip()
        if shape == "check":
            values[name] = name in form
        elif shape == "list":
            values[name] = [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]
        elif shape == "choice" and text:
            values[name] = next((one for one in _literals(name) if str(one) == text), text)
        else:
            values[name] = text if text or _known(name).default == "" else None
    tables = {name: values.pop(name) for name in list(values) if name.startswith("cdr.")}
    if tables:
        named = {name.removeprefix("cdr."): value for name, value in tables.items()}
        values["cdr"] = named if any(named[name] for name in CDR_PLACES) else None
    return values


def wish_of(form: MultiDict[str, str]) -> SecretWish:
    """What a form says about the secret."""
    return SecretWish(form.get("secret", ""), form.get("secret_env", "").strip(), form.get("secret_file", "").strip())


def made(
    kind: str,
    feed: str,
    values: Mapping[str, Any],
    branches: Sequence[tuple[str, str]],
    makes: Mapping[str, str],
    *,
    entry: Entry | None = None,
    wish: SecretWish | None = None,
    unfit: Unfit | None = None,
    theirs: Mapping[str, Any] | None = None,
) -> Form:
    """The form, filled in. ``makes``: name -> title of the profiles; ``entry``: what is changed by it; ``theirs``: what
    is saved now, where it was changed meanwhile."""
    faults: dict[str, Fault] = {}
    for fault in unfit.faults if unfit else ():
        faults.setdefault("cdr.file" if fault.field == "cdr" else fault.field, fault)
    names = set(names_of(kind, feed))

    def field(name: str) -> Field:
        shape, choices = shape_of(name)
        shown = tuple((key, str(words.CHOICES.get(key, key))) for key in choices)
        if name == "profile":
            shown = _profiles(makes, as_text(name, values))
        return Field(
            name,
            "fixed" if name == "id" and entry is not None else shape,
            words.words_of(name, feed),
            as_text(name, values),
            tuple(branches) if shape == "branch" else shown,
            _is_needed(name),
            words.said(faults[name]) if name in faults else "",
            _differs(name, values, theirs),
        )

    current = entry.values if entry is not None else {}
    given = wish or SecretWish("", str(current.get("secret_env") or ""), str(current.get("secret_file") or ""))
    groups = [(group, [field(name) for name in group.fields if name in names]) for group in words.groups(kind, feed)]
    return Form(
        kind,
        feed,
        groups,
        {"secret_env": given.env, "secret_file": given.file},
        {name: words.said(faults[name]) for name in SECRETS if name in faults},
        entry.secret if entry is not None else "none",
        [_general(one) for name, one in faults.items() if name not in names and name not in SECRETS],
        words.needs_secret(kind, feed),
    )


def as_text(name: str, values: Mapping[str, Any]) -> str:
    """A setting as a form shows it; where it is not set, its default."""
    table, _dot, inner = name.partition(".")
    value = (values.get(table) or {}).get(inner) if inner else values.get(name)
    if value is None:
        field = _known(name)
        value = None if field.is_required() else field.default
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _profiles(makes: Mapping[str, str], now: str) -> tuple[tuple[str, str], ...]:
    """The profiles by their makes; and the one that is set where it is another: a file, or one that is gone."""
    there = tuple((name, f"{title} ({name})") for name, title in makes.items())
    return (("", "—"), *there, *(((now, now),) if now and now not in makes else ()))


def _is_needed(name: str) -> bool:
    return _known(name).is_required()


def _differs(name: str, values: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> str | None:
    if theirs is None:
        return None
    now = as_text(name, theirs)
    return now if now != as_text(name, values) else None


def _general(fault: Fault) -> str:
    return f"{words.label(fault.field)}: {words.said(fault)}" if fault.field else words.said(fault)
